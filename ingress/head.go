package ingress

import (
	"bytes"
	"strconv"
)

// head looks at the bytes of a request's head, as they arrive, for what HTTP
// implementations read differently (RFC 9112, sections 2.2, 5.2 and 6.3): lines that
// end in a bare LF, folded lines, and a Content-Length next to a Transfer-Encoding.
// net/http reads all three its own way; in front of or behind something that reads
// them another way they are how requests are smuggled. It also counts the lines.
//
// Requests may be pipelined: the next head begins where a body of a known length ends,
// whoever is answered meanwhile. Where it is chunked the next head begins with the
// answer, and of what was sent before then net/http reads the heads as one recipient
// does, and no body of ours reaches another.
type head struct {
	problem *problem // nil where nothing is wrong

	body    bool  // the blank line has been: what follows is not ours to judge
	rest    int64 // bytes of the body that are still to come; unknownRest
	lines   int   // of this head so far
	last    byte  // the byte before
	start   [64]byte
	length  int // of the current line, without its end
	coded   bool
	counted bool
}

// unknownRest is that of a body whose end is not known.
const unknownRest = -1

const (
	transferEncoding = "transfer-encoding:"
	contentLength    = "content-length:"
)

// next says that an answer went out: a new head begins, unless it is known where.
func (h *head) next() {
	if h.body && h.rest == unknownRest {
		h.begin()
	}
}

// begin begins a new head.
func (h *head) begin() { *h = head{last: h.last} }

// scan looks at the next bytes of the connection and says how many of them come
// before what is wrong; there is nothing wrong where h.problem is nil.
func (h *head) scan(p []byte) int {
	good := 0
	for good < len(p) && h.problem == nil {
		if h.body {
			n := h.pass(len(p) - good)
			if good += n; n == 0 {
				break
			}
			continue
		}
		end := bytes.IndexByte(p[good:], '\n')
		if end < 0 {
			h.part(p[good:])
			break
		}
		h.part(p[good : good+end])
		if h.line(); h.problem != nil {
			return good
		}
		good += end + 1
		h.last = '\n'
	}
	if len(p) > 0 {
		h.last = p[len(p)-1]
	}
	if h.problem != nil {
		return 0
	}
	return len(p)
}

// pass takes so many bytes at the most for the body, and says how many; none where its
// end is not known.
func (h *head) pass(most int) int {
	if h.rest == unknownRest {
		return 0
	}
	n := min(h.rest, int64(most))
	if h.rest -= n; h.rest == 0 {
		h.begin()
	}
	return int(n)
}

// part adds bytes to the current line; its first ones are kept for their name.
func (h *head) part(p []byte) {
	if len(p) == 0 {
		return
	}
	if h.length < len(h.start) {
		copy(h.start[h.length:], p)
	}
	h.length += len(p)
	h.last = p[len(p)-1]
}

// line judges the current line, which ends here.
func (h *head) line() {
	if h.last != '\r' {
		h.problem = problemMalformed
		return
	}
	name := h.start[:min(h.length, len(h.start))]
	switch {
	case h.length == 1 && h.lines > 0:
		if h.coded {
			h.rest = unknownRest
		}
		if h.body = h.rest != 0; !h.body {
			h.begin()
			return
		}
	case h.lines > 0 && h.length > 0 && (name[0] == ' ' || name[0] == '\t'):
		h.problem = problemMalformed
	case hasName(name, transferEncoding):
		h.coded = true
	case hasName(name, contentLength):
		h.counted = true
		h.rest = h.declared()
	}
	if h.coded && h.counted {
		h.problem = problemMalformed
	}
	if h.lines++; h.lines > maxHeaderLines {
		h.problem = problemHeaders
	}
	h.length = 0
}

// declared is what the current line, a Content-Length, says; where that is no number
// net/http refuses it.
func (h *head) declared() int64 {
	if h.length > len(h.start) {
		return unknownRest
	}
	text := bytes.Trim(h.start[len(contentLength):h.length-1], " \t")
	n, err := strconv.ParseUint(string(text), 10, 63)
	if err != nil {
		return unknownRest
	}
	return int64(n)
}

// hasName compares a line's beginning with a header's name, whatever its case.
func hasName(line []byte, name string) bool {
	return len(line) >= len(name) && bytes.EqualFold(line[:len(name)], []byte(name))
}
