package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/operate"
)

// watch is how `status --watch` looks again.
type watch struct {
	bus      string // its address
	interval time.Duration
	count    int // looks; 0: until it is interrupted
	json     bool
	look     func(ctx context.Context, js natsjs.JetStream, window time.Duration) (operate.Status, error)
}

// watch prints the status again and again until ctx ends, which is no error. A bus
// that is away for a while is said and waited for; one that was never there is an
// error.
func (p *Program) watch(ctx context.Context, js natsjs.JetStream, w watch) error {
	screen := newScreen(p.Stdout)
	if w.json {
		screen = nil
	}
	defer screen.close()
	tick := time.NewTicker(w.interval)
	defer tick.Stop()
	last := p.Now()
	window := operate.RateWindow // before the first look
	for looks := 1; ; looks++ {
		status, err := w.look(ctx, js, window)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && looks == 1:
			return err
		case err == nil:
			last = status.At
		}
		if err := p.printLook(w, screen, status, last, err); err != nil {
			return err
		}
		if looks == w.count {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		window = p.Now().Sub(last)
	}
}

// printLook prints what one look has found.
func (p *Program) printLook(w watch, screen *screen, status operate.Status, last time.Time, failed error) error {
	if w.json {
		if failed != nil {
			return json.NewEncoder(p.Stdout).Encode(map[string]any{"at": p.Now().UTC(), "error": failed.Error()})
		}
		return json.NewEncoder(p.Stdout).Encode(status)
	}
	var frame bytes.Buffer
	if failed != nil {
		fmt.Fprintf(&frame, "paybridge  %s  not seen since %s\n\nthe bus does not answer, and is waited for: %v\n", w.bus, last.Format(time.TimeOnly+"Z"), failed)
	} else {
		fmt.Fprintf(&frame, "paybridge  %s  %s  rates over %s\n\n", w.bus, status.At.Format(time.DateTime+"Z"), operate.Age(seconds(status.Window).Round(100*time.Millisecond)))
		if err := printStatus(&frame, status); err != nil {
			return err
		}
	}
	if screen != nil {
		return screen.draw(frame.Bytes())
	}
	_, err := fmt.Fprintf(p.Stdout, "%s\n", frame.Bytes())
	return err
}

// seconds is a number of them as a duration.
func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }
