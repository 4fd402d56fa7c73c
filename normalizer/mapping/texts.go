package mapping

import (
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// The names and meanings of these functions are those of CEL's strings extension.
// Theirs make results of any size and search in quadratic time; these refuse.

const (
	maxText  = 64 << 10 // bytes of a text that these functions take or make
	maxParts = 1000     // elements of a list that split makes or join takes
)

const (
	errLongText  = helperError("a text is over 64 KiB")
	errManyParts = helperError("a text falls into more than 1,000 parts")
	errRange     = helperError("substring: the range is not within the text")
)

// textFunctions declares the bounded functions on texts.
func textFunctions() []cel.EnvOption {
	text, texts := cel.StringType, cel.ListType(cel.StringType)
	return []cel.EnvOption{
		cel.Function("trim", cel.MemberOverload("string_trim", []*cel.Type{text}, text, unaryText(strings.TrimSpace))),
		cel.Function("lowerAscii", cel.MemberOverload("string_lower_ascii", []*cel.Type{text}, text, unaryText(lowerASCII))),
		cel.Function("upperAscii", cel.MemberOverload("string_upper_ascii", []*cel.Type{text}, text, unaryText(upperASCII))),
		cel.Function("replace", cel.MemberOverload("string_replace_string_string", []*cel.Type{text, text, text}, text,
			cel.FunctionBinding(replace))),
		cel.Function("split", cel.MemberOverload("string_split_string", []*cel.Type{text, text}, texts,
			cel.BinaryBinding(split))),
		cel.Function("join", cel.MemberOverload("list_join_string", []*cel.Type{texts, text}, text,
			cel.BinaryBinding(join))),
		cel.Function("substring",
			cel.MemberOverload("string_substring_int", []*cel.Type{text, cel.IntType}, text, cel.BinaryBinding(func(s, from ref.Val) ref.Val {
				return substring(s, from, nil)
			})),
			cel.MemberOverload("string_substring_int_int", []*cel.Type{text, cel.IntType, cel.IntType}, text, cel.FunctionBinding(func(args ...ref.Val) ref.Val {
				return substring(args[0], args[1], args[2])
			}))),
		cel.Function("indexOf", cel.MemberOverload("string_index_of_string", []*cel.Type{text, text}, cel.IntType,
			cel.BinaryBinding(indexOf))),
	}
}

// unaryText binds a function of one text.
func unaryText(f func(string) string) cel.OverloadOpt {
	return cel.UnaryBinding(func(s ref.Val) ref.Val {
		if tooLong(s) {
			return fail(errLongText)
		}
		return types.String(f(string(s.(types.String))))
	})
}

// tooLong says whether any of the texts is over the bound.
func tooLong(texts ...ref.Val) bool {
	for _, t := range texts {
		if len(t.(types.String)) > maxText {
			return true
		}
	}
	return false
}

// lowerASCII changes A to Z alone, as upperASCII does a to z.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func upperASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			return r - ('a' - 'A')
		}
		return r
	}, s)
}

// replace is s.replace(before, after). Its result is measured before it is made.
func replace(args ...ref.Val) ref.Val {
	if tooLong(args...) {
		return fail(errLongText)
	}
	s, before, after := string(args[0].(types.String)), string(args[1].(types.String)), string(args[2].(types.String))
	if len(s)+strings.Count(s, before)*(len(after)-len(before)) > maxText {
		return fail(errLongText)
	}
	return types.String(strings.ReplaceAll(s, before, after))
}

// split is s.split(separator).
func split(s, separator ref.Val) ref.Val {
	if tooLong(s, separator) {
		return fail(errLongText)
	}
	parts := strings.SplitN(string(s.(types.String)), string(separator.(types.String)), maxParts+1)
	if len(parts) > maxParts {
		return fail(errManyParts)
	}
	return types.NewStringList(types.DefaultTypeAdapter, parts)
}

// join is parts.join(separator). It stops as soon as the result is too long.
func join(parts, separator ref.Val) ref.Val {
	l := parts.(traits.Lister)
	if size, ok := l.Size().(types.Int); !ok || size > maxParts {
		return fail("join: the list has more than 1,000 elements")
	}
	var b strings.Builder
	// The separator is long, too, if the body says so: it counts before the next element.
	between := ""
	for i := l.Iterator(); i.HasNext() == types.True; {
		text, ok := i.Next().(types.String)
		if !ok {
			return types.NoSuchOverloadErr()
		}
		b.WriteString(between)
		between = string(separator.(types.String))
		b.WriteString(string(text))
		if b.Len() > maxText {
			return fail(errLongText)
		}
	}
	return types.String(b.String())
}

// substring counts characters, as CEL's size does. A nil to is the end.
func substring(s, from, to ref.Val) ref.Val {
	if tooLong(s) {
		return fail(errLongText)
	}
	// Characters, not bytes: a pack is written by looking at texts.
	runes := []rune(string(s.(types.String)))
	end := types.Int(len(runes))
	if to != nil {
		end = to.(types.Int)
	}
	if start := from.(types.Int); start >= 0 && start <= end && end <= types.Int(len(runes)) {
		return types.String(runes[start:end])
	}
	return fail(errRange)
}

// indexOf is the place of a part in a text, in characters, or -1.
func indexOf(s, part ref.Val) ref.Val {
	if tooLong(s, part) {
		return fail(errLongText)
	}
	text := string(s.(types.String))
	i := strings.Index(text, string(part.(types.String)))
	if i < 0 {
		return types.Int(-1)
	}
	return types.Int(len([]rune(text[:i])))
}
