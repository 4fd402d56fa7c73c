package provider

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/textproto"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	"golang.org/x/tools/txtar"
)

// deadLetterReasons are those that a request alone can have; the others need a
// stream.
var deadLetterReasons = []string{"malformed_json", "too_deep", "too_large", "mapping_failed", "ignored"}

// Fixtures reads all fixtures of a pack, in order of their names. A pack without
// fixtures has none. Its error is [Problems], or says that there is no such pack.
func (l *Library) Fixtures(name string) ([]Fixture, error) {
	p, ok := l.packs[name]
	if !ok {
		return nil, fmt.Errorf("pack %q: not found; there are %s", name, strings.Join(l.Names(), ", "))
	}
	folder := path.Join(p.origin, p.name, "fixtures")
	info, err := fs.Stat(p.files, "fixtures")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && !info.IsDir() {
		err = errors.New("is not a folder")
	}
	if err != nil {
		return nil, Problems{{At: Position{File: folder}, Message: cause(err).Error()}}
	}
	names, err := fs.Glob(p.files, "fixtures/*.txtar")
	if err == nil && len(names) > maxFixtures {
		err = fmt.Errorf("has %d fixtures, more than %d", len(names), maxFixtures)
	}
	if err != nil {
		return nil, Problems{{At: Position{File: folder}, Message: err.Error()}}
	}
	var all []Fixture
	var problems Problems
	for _, file := range names {
		at := Position{File: path.Join(p.origin, p.name, file)}
		data, err := readFile(p.files, file, maxFixture)
		if err != nil {
			problems = append(problems, Problem{At: at, Message: err.Error()})
			continue
		}
		f, found := readFixture(at.File, data)
		problems = append(problems, found...)
		all = append(all, f)
	}
	if err := problems.err(); err != nil {
		return nil, err
	}
	return all, nil
}

// archive is one fixture while it is read. Its reader's lines are the archive's;
// case.yaml has a reader of its own, which knows where in the archive it begins.
type archive struct {
	reader
	files map[string]txtar.File
	lines map[string]int // name → line of its marker
	order []string
}

// readFixture reads one fixture; file is its path, for errors.
func readFixture(file string, data []byte) (Fixture, Problems) {
	a := archive{reader: reader{file: file}, files: map[string]txtar.File{}, lines: map[string]int{}}
	parsed := txtar.Parse(data)
	// The library does not say where a file stands: its lines are counted, one for
	// the marker and those of the data, which always ends in a line end.
	line := 1 + strings.Count(string(parsed.Comment), "\n")
	for _, f := range parsed.Files {
		if _, twice := a.files[f.Name]; twice {
			a.fault(line, f.Name, "remove one", "stands twice")
		}
		a.files[f.Name], a.lines[f.Name] = f, line
		a.order = append(a.order, f.Name)
		line += 1 + strings.Count(string(f.Data), "\n")
	}
	fixture := Fixture{
		Name: strings.TrimSuffix(path.Base(file), ".txtar"),
		Doc:  strings.TrimSpace(string(parsed.Comment)),
		At:   Position{File: file, Line: 1},
	}
	if fixture.Doc == "" {
		a.fault(1, "", "write it above the first file", "does not say what the case is and where it comes from")
	}
	a.readCase(&fixture)
	a.readHeaders(&fixture)
	a.readBody(&fixture)
	a.readExpected(&fixture)
	_ = a.sorted() // in the order of the file
	return fixture, a.problems
}

// fault records a problem at a line of the archive.
func (a *archive) fault(line int, key, hint, format string, args ...any) {
	a.problem(&yaml.Node{Line: line}, key, hint, format, args...)
}

// readCase reads case.yaml.
func (a *archive) readCase(f *Fixture) {
	file, ok := a.files["case.yaml"]
	if !ok {
		a.fault(1, "case.yaml", "write received_at, secrets and answer in it", "is missing")
		return
	}
	inner := &reader{file: a.file, before: a.lines["case.yaml"]}
	// Reported whichever way the reading ends.
	defer func() { a.problems = append(a.problems, inner.problems...) }()
	o, ok := inner.parse(file.Data)
	if !ok {
		return
	}
	o.only("received_at", "method", "endpoint", "query", "url", "secrets", "allow_weak", "answer", "answer_body", "answer_type", "stored", "dead_letter", "sequence")
	f.ReceivedAt = o.moment("received_at")
	f.Method, f.Endpoint, f.Query, f.URL = o.text("method").Text, o.text("endpoint").Text, o.text("query").Text, o.text("url").Text
	if f.Method == "" {
		f.Method = "POST"
	}
	f.AllowWeak = o.flag("allow_weak")
	f.Answer = int(o.number("answer", 0))
	f.Sequence = o.number("sequence", 1)
	f.AnswerBody, f.AnswerType = o.text("answer_body").Text, o.text("answer_type").Text
	f.DeadLetter = o.word("dead_letter", deadLetterReasons)
	for i, t := range o.texts("stored") {
		f.Stored = append(f.Stored, inner.header(t, o.item("stored", i)))
	}
	if f.Answer != 200 && f.Answer != 401 {
		o.r.problem(o.at("answer"), "answer", "write answer: 200, or 401 where the request must be refused", "is not 200 or 401")
	}
	secrets, _ := inner.expressions(o, "secrets")
	for _, s := range secrets {
		f.Secrets = append(f.Secrets, FixtureSecret{s.Name, s.Expr.Text})
	}
	if len(secrets) == 0 {
		o.r.problem(o.at("secrets"), "secrets", "write secrets: {current: TEXT}", "has no secret")
	}
}

// at is the value of a key, or the object where the key is left out.
func (o object) at(name string) *yaml.Node {
	if n := o.values[name]; n != nil {
		return n
	}
	return o.node
}

// moment is an RFC 3339 time. YAML reads it as a date where it has no quotes; both
// are taken, by their text.
func (o object) moment(name string) time.Time {
	var t time.Time
	n := o.values[name]
	if n == nil {
		o.missing(name, "write when the request came, such as 2026-01-15T10:45:00Z")
	} else if t.UnmarshalText([]byte(n.Value)) != nil {
		o.wrong(name, "write it as 2026-01-15T10:45:00Z", "is not an RFC 3339 time")
	}
	return t.UTC()
}

// number is a whole number; or is what it is where the key is left out.
func (o object) number(name string, or uint64) uint64 {
	n := o.values[name]
	if n == nil {
		return or
	}
	v, err := strconv.ParseUint(n.Value, 10, 64)
	if err != nil || n.ShortTag() != "!!int" {
		o.wrong(name, "write a whole number", "is not one")
	}
	return v
}

// readHeaders reads Name: value lines as an HTTP server would: names become
// canonical, white space around values goes, a name may stand on several lines.
func (a *archive) readHeaders(f *Fixture) {
	f.Header = textproto.MIMEHeader{}
	file, ok := a.files["headers"]
	if !ok {
		a.fault(1, "headers", "write it, with Name: value lines", "is missing")
		return
	}
	for i, line := range strings.Split(string(file.Data), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || checkHeader(name) != nil {
			a.fault(a.lines["headers"]+1+i, "headers", "write Name: value", "has a line that is no header")
			continue
		}
		f.Header.Add(name, strings.Trim(value, " \t"))
	}
}

// readBody reads body or body.base64. txtar ends every file with a line end, so
// that one is not part of the body; a body that ends in one has two.
func (a *archive) readBody(f *Fixture) {
	plain, isPlain := a.files["body"]
	encoded, isEncoded := a.files["body.base64"]
	switch {
	case isPlain == isEncoded:
		a.fault(1, "body", "write body, or body.base64 where the bytes are no text", "has to stand, or body.base64, and not both")
	case isPlain:
		f.Body = []byte(strings.TrimSuffix(string(plain.Data), "\n"))
	default:
		text := strings.Join(strings.Fields(string(encoded.Data)), "")
		body, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil {
			a.fault(a.lines["body.base64"], "body.base64", "write standard base64 with its padding", "is not base64")
		}
		f.Body = body
	}
}

// readExpected reads the events, and sees that the case says one outcome: a
// delivery that is accepted ends as events or as a dead letter, never as nothing,
// and one that is refused is not stored.
func (a *archive) readExpected(f *Fixture) {
	for i := 0; ; i++ {
		name := fmt.Sprintf("event-%d.json", i)
		file, ok := a.files[name]
		if !ok {
			break
		}
		if !json.Valid(file.Data) {
			a.fault(a.lines[name], name, "", "is not JSON")
		}
		f.Events = append(f.Events, file.Data)
		f.EventsAt = append(f.EventsAt, Position{File: a.file, Line: a.lines[name]})
	}
	known := []string{"case.yaml", "headers", "body", "body.base64"}
	for i := range f.Events {
		known = append(known, fmt.Sprintf("event-%d.json", i))
	}
	for _, name := range a.order {
		if !slices.Contains(known, name) {
			a.fault(a.lines[name], name, fmt.Sprintf("write case.yaml, headers, body, body.base64, or the next event: event-%d.json", len(f.Events)), "is not a file of a fixture")
		}
	}
	nothing := len(f.Events) == 0 && f.DeadLetter == ""
	if f.Answer == 200 && nothing {
		a.fault(1, "", "add event-0.json, or dead_letter to case.yaml", "is accepted, and nothing comes of it")
	}
	if f.Answer == 401 && !nothing {
		a.fault(1, "", "remove the events and dead_letter, or write answer: 200", "is refused, so nothing can come of it")
	}
}
