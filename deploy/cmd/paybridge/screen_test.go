package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"paybridge/deploy/jetstream/jetstreamtest"
)

// TestScreen says what a terminal gets: one write for each frame, lines over lines,
// none longer than it is wide and no more than it is high.
func TestScreen(t *testing.T) {
	var writes []string
	width, height := 10, 4
	s := (&screen{
		w:    writer(func(text string) { writes = append(writes, text) }),
		size: func() (int, int, error) { return width, height, nil },
	}).open()
	frame := "title\n\nHEAD  A\nlong · · · · line\nbelow\n"
	if err := s.draw([]byte(frame)); err != nil {
		t.Fatal(err)
	}
	width, height = 80, 24
	if err := s.draw([]byte("title\n")); err != nil {
		t.Fatal(err)
	}
	s.close()
	want := []string{
		"\x1b[?1049h\x1b[?25l",
		"\x1b[H\x1b[1mtitle\x1b[0m\x1b[K\r\n\x1b[K\r\n\x1b[1mHEAD  A\x1b[0m\x1b[K\r\nlong · · ·\x1b[K\x1b[J",
		"\x1b[H\x1b[1mtitle\x1b[0m\x1b[K\x1b[J",
		"\x1b[?25h\x1b[?1049l",
		"title\n",
	}
	if strings.Join(writes, "\n|") != strings.Join(want, "\n|") {
		t.Errorf("got %q\nwant %q", writes, want)
	}
	s.size = func() (int, int, error) { return 0, 0, errors.New("gone") }
	if err := s.draw([]byte(frame)); err == nil {
		t.Error("a terminal that is gone is drawn on")
	}
	if newScreen(&bytes.Buffer{}) != nil {
		t.Error("a buffer is taken for a terminal")
	}
}

// writer is an io.Writer of what it is given.
type writer func(text string)

func (w writer) Write(text []byte) (int, error) {
	w(string(text))
	return len(text), nil
}

// TestWatchWaits says that a bus that goes away is said, and not the end.
func TestWatchWaits(t *testing.T) {
	server := jetstreamtest.Start(t)
	js := server.JetStream(t)
	p, out, _ := testProgram()
	p.Now = time.Now
	looks := 0
	p.Stdout = writer(func(text string) {
		out.WriteString(text)
		if looks++; looks == 1 {
			server.Stop(t)
		}
	})
	err := p.watch(t.Context(), js, watch{look: (&openLook{program: p}).read, bus: "bus", interval: time.Millisecond, count: 2})
	if err == nil || !strings.Contains(out.String(), "not seen since") || !strings.Contains(out.String(), "is waited for") {
		t.Errorf("got %v, %s", err, out)
	}
	server.Restart(t)
	p.Stdout = out
	out.Reset()
	if err := p.watch(t.Context(), server.JetStream(t), watch{look: (&openLook{program: p}).read, interval: time.Millisecond, count: 1, json: true}); err != nil || !strings.HasPrefix(out.String(), `{"at":`) {
		t.Errorf("got %v, %s", err, out)
	}
}

func TestRate(t *testing.T) {
	for r, want := range map[float64]string{0: "0", 1. / 60: "0.02", 0.5: "0.5", 9.94: "9.9", 9.96: "10", 1234.5: "1234"} {
		if got := rate(r); got != want {
			t.Errorf("%v is %s, want %s", r, got, want)
		}
	}
	if age(time.Unix(10, 0), time.Unix(11, 0)) != "0s" || age(time.Now(), time.Time{}) != "-" || ago(time.Unix(70, 0), time.Unix(5, 0)) != "1m5s ago" {
		t.Error("ages")
	}
}
