package ingress

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// scanAll feeds a head in pieces of a size.
func scanAll(text string, size int) (good int, found *problem) {
	var h head
	for len(text) > 0 && h.problem == nil {
		n := min(size, len(text))
		good += h.scan([]byte(text[:n]))
		text = text[n:]
	}
	return good, h.problem
}

func TestHead(t *testing.T) {
	const start = "POST / HTTP/1.1\r\n"
	for _, c := range []struct {
		name, head string
		good       int // bytes before what is wrong
		want       *problem
	}{
		{"good", start + "A: b\r\n\r\n", -1, nil},
		{"body is not judged", start + "Content-Length: 14\r\n\r\n\n a\nA: b\n\n c\n\r", -1, nil},
		{"chunks are not judged", start + "Transfer-Encoding: chunked\r\n\r\n1\r\n\n\r\n0\r\n\r\n\n a\n", -1, nil},
		{"another after a body", start + "content-length:\t 2 \r\n\r\n\n\n" + start + "A: b\r\n\r\n" + start, -1, nil},
		{"one behind is bad", start + "Content-Length: 2\r\n\r\n\n\n" + start + "\n", 2*len(start) + 23, problemMalformed},
		{"one behind no body is bad", start + "\r\n" + start + "\n", 2*len(start) + 2, problemMalformed},
		{"a length that is none", start + "Content-Length: +2\r\n\r\n\n\n\n", -1, nil}, // net/http refuses it
		{"unfinished", start + "A: b", -1, nil},
		{"length alone", start + "Content-Length: 1\r\n\r\n", -1, nil},
		{"coding alone", start + "Transfer-Encoding: chunked\r\n\r\n", -1, nil},
		{"names that only begin alike", start + "Content-Length-X: 1\r\nTransfer-Encodings: chunked\r\n\r\n", -1, nil},
		{"both", start + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", len(start) + 19, problemMalformed},
		{"both, the other way", start + "TRANSFER-ENCODING:chunked\r\ncontent-length:1\r\n\r\n", len(start) + 27, problemMalformed},
		{"first line ends in LF", "POST / HTTP/1.1\n", 0, problemMalformed},
		{"line ends in LF", start + "A: b\n", len(start), problemMalformed},
		{"head ends in LF", start + "A: b\r\n\n", len(start) + 6, problemMalformed},
		{"folded", start + "A: b\r\n c\r\n", len(start) + 6, problemMalformed},
		{"folded to nothing", start + "A: b\r\n \r\n", len(start) + 6, problemMalformed},
		{"many lines", start + strings.Repeat("A: b\r\n", maxHeaderLines-1) + "A: b\r\n", len(start) + 6*(maxHeaderLines-1), problemHeaders},
		{"as many as may be", start + strings.Repeat("A: b\r\n", maxHeaderLines-2) + "\r\n", -1, nil},
	} {
		if c.good < 0 {
			c.good = len(c.head)
		}
		if good, found := scanAll(c.head, len(c.head)); found != c.want || good != c.good {
			t.Errorf("%s: %d good, want %d; found %v", c.name, good, c.good, found != nil)
		}
		// In pieces, the beginning of a bad line may pass, its end never does.
		badEnd := len(c.head)
		if end := strings.IndexByte(c.head[c.good:], '\n'); end >= 0 {
			badEnd = c.good + end
		}
		for size := range 8 {
			if good, found := scanAll(c.head, size+1); found != c.want || good < c.good || good > badEnd {
				t.Errorf("%s, %d bytes at a time: %d good, want %d to %d; found %v", c.name, size+1, good, c.good, badEnd, found != nil)
			}
		}
	}
}

// FuzzHead compares with net/http: what head lets through and net/http reads as one
// request has one length, in whatever pieces it came.
func FuzzHead(f *testing.F) {
	f.Add("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", 3)
	f.Add("POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n", 5)
	f.Add("POST / HTTP/1.1\nHost: a\n b\n\n", 1)
	f.Fuzz(func(t *testing.T, text string, size int) {
		size = max(size, 1)
		_, found := scanAll(text, size)
		if _, whole := scanAll(text, len(text)+1); (whole == nil) != (found == nil) {
			t.Fatalf("%q: %v in pieces, %v whole", text, found, whole)
		}
		if found != nil {
			return
		}
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
		if err != nil {
			return
		}
		if head, _, ok := strings.Cut(text, "\r\n\r\n"); ok {
			lower := strings.ToLower(head)
			if len(r.TransferEncoding) > 0 && strings.Contains(lower, "\ncontent-length:") {
				t.Errorf("%q has a length and a coding", text)
			}
			if strings.Contains(strings.ReplaceAll(head, "\r\n", ""), "\n") || strings.Contains(head, "\n ") || strings.Contains(head, "\n\t") {
				t.Errorf("%q has a line that others read differently", text)
			}
		}
	})
}

// TestPipelinedInPieces has senders that wait for no answer: what arrives of one request with the
// end of another is no reason to refuse it, whatever lines its body has.
func TestPipelinedInPieces(t *testing.T) {
	d := open(t)
	var all strings.Builder
	const requests = 50
	for i := range requests {
		all.WriteString(webhook(fmt.Sprintf("{\n  \"n\": %d,\n  \"text\": \"%s\"\n}\n", i, strings.Repeat("x", 1000+i))))
	}
	all.WriteString(webhook("the last", "Connection: close"))
	c := d.dial()
	defer c.Close()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = io.WriteString(c, all.String()) // what is not sent is not answered
	}()
	got, err := io.ReadAll(c)
	<-sent
	if n := strings.Count(string(got), "HTTP/1.1 200 OK\r\n"); err != nil || n != requests+1 || d.count() != requests+1 {
		t.Errorf("%d of %d answered 200, %d stored: %v", n, requests+1, d.count(), err)
	}
}
