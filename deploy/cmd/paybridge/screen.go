package main

import (
	"bytes"
	"io"
	"os"
	"unicode/utf8"

	"golang.org/x/term"
)

// screen draws frames over each other in a terminal. Each is written at once, line over
// line, so that nothing flickers; what a line or a frame has too much is cut.
type screen struct {
	w    io.Writer
	size func() (width, height int, err error)
	last []byte // frame, as it was given
}

// What a terminal is told; see ECMA-48, and xterm for the other screen.
const (
	otherScreen = "\x1b[?1049h\x1b[?25l" // and no cursor
	firstScreen = "\x1b[?25h\x1b[?1049l"
	toTop       = "\x1b[H"
	clearLine   = "\x1b[K"
	clearBelow  = "\x1b[J"
	bold, plain = "\x1b[1m", "\x1b[0m"
)

// newScreen is the screen of a terminal; nil where w is none.
func newScreen(w io.Writer) *screen {
	if !terminal(w) {
		return nil
	}
	file := w.(*os.File)
	s := &screen{w: w, size: func() (int, int, error) { return term.GetSize(int(file.Fd())) }}
	return s.open()
}

// open changes to the terminal's other screen, so that what was typed before comes back.
func (s *screen) open() *screen {
	_, _ = io.WriteString(s.w, otherScreen) // a terminal that is gone ends the first draw
	return s
}

// draw draws a frame over the last one. Its first line, and every line in capitals, is
// a head, and bold.
func (s *screen) draw(frame []byte) error {
	width, height, err := s.size()
	if err != nil {
		return err
	}
	s.last = frame
	var out bytes.Buffer
	out.WriteString(toTop)
	lines := bytes.Split(bytes.TrimRight(frame, "\n"), []byte("\n"))
	for i, line := range lines[:min(len(lines), height)] {
		if i > 0 {
			out.WriteString("\r\n")
		}
		line = cut(line, width)
		if i == 0 || len(line) > 0 && bytes.Equal(line, bytes.ToUpper(line)) && line[0] >= 'A' {
			out.WriteString(bold)
			out.Write(line)
			out.WriteString(plain)
		} else {
			out.Write(line)
		}
		out.WriteString(clearLine)
	}
	out.WriteString(clearBelow)
	_, err = s.w.Write(out.Bytes())
	return err
}

// cut is as much of a line as fits into so many columns.
func cut(line []byte, width int) []byte {
	at := 0
	for n := 0; at < len(line) && n < width; n++ {
		_, size := utf8.DecodeRune(line[at:])
		at += size
	}
	return line[:at]
}

// close gives the terminal back, with the last frame below what was typed.
func (s *screen) close() {
	if s == nil {
		return
	}
	_, _ = io.WriteString(s.w, firstScreen)
	_, _ = s.w.Write(s.last)
}
