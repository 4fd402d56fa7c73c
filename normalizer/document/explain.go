package document

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"paybridge/schemas/delivery"
)

var (
	errTooDeep = errors.New("nested too deep")
	errNodes   = errors.New("too many values")
	errKey     = errors.New("a key is too long")
	errMore    = errors.New("something follows the JSON value")
)

// explain says why a body does not decode: it reads it token by token, up to the first
// thing in it that is wrong or over a limit.
func explain(body []byte, limits Limits) *Error {
	d := jsontext.NewDecoder(bytes.NewBuffer(body))
	err := stumble(d, limits)
	e := &Error{Reason: delivery.MalformedJSON, Pointer: cutPointer(string(d.StackPointer()))}
	switch err {
	case errMore:
		e.Pointer, e.Problem = "", err.Error()
		return e
	case errTooDeep:
		e.Reason, e.Problem = delivery.TooDeep, err.Error()
		return e
	case errNodes, errKey:
		e.Reason, e.Problem = delivery.TooLarge, err.Error()
		return e
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		e.Pointer = cutPointer(string(syntax.JSONPointer))
	}
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		e.Problem = "duplicate key"
	case !utf8.Valid(body):
		e.Problem = "invalid UTF-8"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		e.Problem = "the body ends too early"
	case syntax != nil && syntax.Err != nil && strings.Contains(syntax.Err.Error(), "surrogate"):
		e.Problem = "lone surrogate"
	default:
		e.Problem = "not JSON"
	}
	return e
}

// stumble reads tokens until one is wrong, and says how.
func stumble(d *jsontext.Decoder, limits Limits) error {
	for values := 0; ; {
		kind := d.PeekKind()
		container, read := d.StackIndex(d.StackDepth())
		isName := container == '{' && read%2 == 0 && kind != '}'
		if !isName && kind != '}' && kind != ']' {
			if values++; values > limits.Nodes {
				return errNodes
			}
			if (kind == '{' || kind == '[') && d.StackDepth() >= limits.Depth {
				return errTooDeep
			}
		}
		token, err := d.ReadToken()
		if err != nil {
			return err
		}
		if isName && len(token.String()) > limits.KeyBytes {
			return errKey
		}
		if d.StackDepth() == 0 {
			if _, err := d.ReadToken(); err != io.EOF {
				return errMore
			}
			return nil
		}
	}
}
