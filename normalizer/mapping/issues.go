package mapping

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"

	"paybridge/schemas/provider"
)

var (
	undeclared = regexp.MustCompile(`^undeclared reference to '([^']*)'`)
	keyword    = regexp.MustCompile(`input '\.?(in|true|false|null)'`)
	loneEqual  = regexp.MustCompile(`^token recognition error at: '=`)
	spelledOut = regexp.MustCompile(`^(?:mismatched|extraneous) input '(and|or|not|AND|OR|NOT)'`)
	noOverload = regexp.MustCompile(`^found no matching overload for '([^']*)' applied to '(.*)'$`)
)

const (
	floatProblem = "has a number with a point, which would be a float"
	floatHint    = "write it as text, for money(\"1.50\", …), or compare whole minor units"
)

// usages are the helpers of several arguments, as one writes them.
var usages = map[string]string{
	"money":    "money(amount, currency)",
	"minor":    "minor(amount, currency)",
	"time_in":  `time_in(x, "America/Sao_Paulo")`,
	"document": "document(type, number)",
	"time":     "time(x)",
	"unix":     "unix(x)",
	"unix_ms":  "unix_ms(x)",
}

// instead says what to write for names that CEL has elsewhere and packs have not.
var instead = map[string]string{
	"timestamp": "write time(x), or unix(x) for seconds since 1970",
	"double":    "there are no floats: write int(x), string(x) or money(x, currency)",
	"uint":      "write int(x)",
	"bytes":     "there are no bytes here",
	"type":      "leave it out: type is the native type, in id, time, payment and rules",
	"now":       "mapping reads no clock: write received_at",
	"item":      "there is no item yet where items and ignore are evaluated: write body",
	"amount":    "write money(value, currency)",

	// Words of other languages.
	"toLower":     "write lowerAscii",
	"toLowerCase": "write lowerAscii",
	"lower":       "write lowerAscii",
	"toUpper":     "write upperAscii",
	"toUpperCase": "write upperAscii",
	"upper":       "write upperAscii",
	"len":         "write size",
	"length":      "write size",
	"includes":    "write contains",
}

// reportIssues turns what CEL's checker says of an expression into problems.
func (c *compiler) reportIssues(key string, t provider.Text, text string, issues *cel.Issues) {
	// One mistake may be found at several nodes.
	seen := map[string]bool{}
	all := issues.Errors()
	if len(all) > 1 && strings.HasPrefix(all[0].Message, "Syntax error: ") {
		all = all[:1] // the parser's later complaints are of its guess at what was meant
	}
	for _, issue := range all {
		message, hint := c.reword(issue.Message)
		if seen[message] {
			continue
		}
		seen[message] = true
		line, column := issue.Location.Line(), issue.Location.Column()+1
		if line > 0 && column > 0 {
			message += fmt.Sprintf(" (at character %d)", column)
		}
		c.problem(position(t, text, line), key, message, hint)
	}
}

// reword makes a message of CEL's speak of packs.
func (c *compiler) reword(message string) (problem, hint string) {
	message, _, _ = strings.Cut(message, "\n")
	if found := undeclared.FindStringSubmatch(message); found != nil {
		name := found[1]
		if hint, ok := instead[name]; ok {
			return fmt.Sprintf("the name %q is not known here", name), hint
		}
		hint := near(name, append(c.variables(), c.functions()...))
		if hint == "" {
			hint = fmt.Sprintf("put it in quotes if it is a text, or write one of: %s", strings.Join(c.variables(), ", "))
		}
		return fmt.Sprintf("the name %q is not known here", name), hint
	}
	if found := noOverload.FindStringSubmatch(message); found != nil {
		name := strings.ReplaceAll(strings.Trim(found[1], "_@"), "_", " ")
		hint := "make the types alike with string(x) or int(x)"
		usage, helper := usages[found[1]]
		switch {
		case helper && strings.Count(found[2], ",") != strings.Count(usage, ","):
			return fmt.Sprintf("%s does not take %s", found[1], found[2]), "write " + usage
		case strings.Contains(found[2], "double"):
			return floatProblem, floatHint
		case strings.Contains(found[2], "null"):
			hint = "for nothing, write condition ? optional.of(x) : optional.none()"
		}
		return fmt.Sprintf("%s does not take %s", name, found[2]), hint
	}
	message, _, _ = strings.Cut(strings.TrimPrefix(message, "Syntax error: "), " expecting ")
	if loneEqual.MatchString(message) {
		return "has a single =, which compares nothing", "write =="
	}
	if found := spelledOut.FindStringSubmatch(message); found != nil {
		operator := map[string]string{"and": "&&", "or": "||", "not": "!"}[strings.ToLower(found[1])]
		return fmt.Sprintf("has the word %s for an operator", found[1]), "write " + operator
	}
	if strings.Contains(message, "<EOF>") {
		return "ends too early", "close what is open: ( [ { \" '"
	}
	if found := keyword.FindStringSubmatch(message); found != nil {
		return fmt.Sprintf("%s is a word of the language", found[1]), fmt.Sprintf("write [%q] for a member of that name: item[%q]", found[1], found[1])
	}
	return message, ""
}

// variables is what an expression may read now.
func (c *compiler) variables() []string {
	var names []string
	for _, v := range c.env.Variables() {
		if !strings.ContainsAny(v.Name(), "@.") {
			names = append(names, v.Name())
		}
	}
	slices.Sort(names)
	return names
}

// functions is what an expression may call.
func (c *compiler) functions() []string {
	names := []string{"has", "map", "filter", "exists", "all"}
	for name := range c.env.Functions() {
		if operator := strings.ContainsAny(name, "_@!-.") && name != "time_in" && name != "unix_ms"; !operator {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// fieldNames is every field of a payment that a pack may set.
func fieldNames() []string {
	names := make([]string, len(paymentFields))
	for i, f := range paymentFields {
		names[i] = f.name
	}
	return names
}

// suggest is the hint for an unknown name: the known one that is nearest, or all.
func suggest(name string, known []string) string {
	if hint := near(name, known); hint != "" {
		return hint
	}
	return "write one of: " + strings.Join(known, ", ")
}

// near is the hint to write the known name that is nearest, "" where none is near.
func near(name string, known []string) string {
	best := provider.Nearest(name, known)
	if best == "" {
		return ""
	}
	return "write " + best
}
