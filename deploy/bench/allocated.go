package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
)

// tracing makes the Go runtime of a program print a line at each garbage
// collection. It costs nothing that can be measured, and no program has to tell.
const tracing = "GODEBUG=gctrace=1"

// collection is the part of such a line that says how large the heap was when the
// collection began, when it ended, and what of it is alive: "4->5->1 MB".
var collection = regexp.MustCompile(`(?m)^gc \d+ @.* (\d+)->(\d+)->(\d+) MB, `)

// heap adds up what a program has put on its heap, from the lines in its log.
type heap struct {
	read  int64 // bytes of the log
	alive int   // MB after the last collection
	all   int   // MB
}

// add reads whole lines and counts what was allocated: up to a collection, what the
// heap has grown by since the last; during it, what it grew by.
func (h *heap) add(lines []byte) error {
	for _, found := range collection.FindAllSubmatch(lines, -1) {
		var mb [3]int
		for i := range mb {
			var err error
			if mb[i], err = strconv.Atoi(string(found[i+1])); err != nil {
				return err
			}
		}
		h.all += max(mb[0]-h.alive, 0) + max(mb[1]-mb[0], 0)
		h.alive = mb[2]
	}
	return nil
}

// allocated is what the program has put on its heap until its last collection, in
// bytes, to the nearest megabyte of each.
func (p *process) allocated() (float64, error) {
	log, err := os.Open(p.log)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	if _, err := log.Seek(p.heap.read, io.SeekStart); err != nil {
		return 0, err
	}
	text, err := io.ReadAll(log)
	if err != nil {
		return 0, err
	}
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	p.heap.read += int64(len(text))
	if err := p.heap.add(text); err != nil {
		return 0, fmt.Errorf("%s: %w", p.name, err)
	}
	return float64(p.heap.all) * (1 << 20), nil
}
