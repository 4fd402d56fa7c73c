package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/deploy/operate"
)

// deliveries is how many deliveries TestRenormalizeAtScale stores: few among the other
// tests, 100,000 in `make scale-test`, which holds the command to a rate as well.
var deliveries = flag.Int("deliveries", 1800, "how many deliveries TestRenormalizeAtScale stores")

const (
	fullScale   = 100_000   // from so many on, starting the command is a small part of it
	scaleRate   = 10_000    // events a second, on the processors that the server has too
	scaleMemory = 256 << 20 // bytes that the command may ever have resident, whatever is stored
)

// TestRenormalizeAtScale stores deliveries of six sources through the ingress and
// changes two packs. The diff names exactly the events that change. The run that
// corrects them is interrupted, goes on and is killed half-way, and goes on: each
// correction is stored once, and all are counted.
func TestRenormalizeAtScale(t *testing.T) {
	s := newScale(t)
	s.fill()
	if r := s.renormalize(); r.code != exitOK || r.sentence() != fmt.Sprintf("0 of %s events change", grouped(*deliveries)) {
		t.Fatalf("no pack has changed: %+v", r)
	}
	for name, edits := range scaleEdits {
		s.edit(name, edits...)
	}
	wanted := s.wanted()
	s.checkDiff(wanted)
	s.interrupt()
	s.kill(wanted)
	r := s.renormalize("--apply", "--run", "scale", "--rate", "0", "--cursor", s.cursor())
	if r.code != exitOK || r.sentence() != wanted.sentence() || !strings.Contains(r.out, fmt.Sprintf("%d corrections are stored now, 0 were", len(wanted))) ||
		*deliveries >= fullScale && !strings.Contains(r.err, "more were compared before it was interrupted") {
		t.Errorf("it goes on: %+v", r)
	}
	s.checkCorrections(wanted)
	if r := s.renormalize("--apply", "--run", "scale"); r.code != exitOK || r.sentence() != fmt.Sprintf("0 of %s events change", grouped(*deliveries)) {
		t.Errorf("when all is done: %+v", r)
	}
}

// wanted are the events that change, by sequence, and their fields.
type wanted map[string]map[string]string

// sentence is how people are told.
func (w wanted) sentence() string {
	counts := map[string]int{}
	for _, fields := range w {
		for field := range fields {
			counts[field]++
		}
	}
	return fmt.Sprintf("%s of %s events change: %s amounts, %s states",
		grouped(len(w)), grouped(*deliveries), grouped(counts["amount.value"]), grouped(counts["state"]))
}

// wanted tells from the stored events, and what the packs were changed to, which
// of them change. It knows nothing of how renormalize finds out.
func (s *scaled) wanted() wanted {
	w := wanted{}
	s.walk(func(e *storedEvent) {
		if fields := scaleChange(e.source(), e.Data.Payment.ID); len(fields) > 0 {
			w[e.Sequence] = fields
		}
	})
	if len(w) < *deliveries/20 {
		s.t.Fatalf("%d of %d events change: that is no test", len(w), *deliveries)
	}
	return w
}

// checkDiff has the diff printed for people and for programs.
func (s *scaled) checkDiff(want wanted) {
	s.t.Helper()
	r := s.renormalize()
	if r.code != exitFailed || r.sentence() != want.sentence() {
		s.t.Errorf("got %d, %q; want %q", r.code, r.sentence(), want.sentence())
	}
	rate := float64(*deliveries) / r.took.Seconds()
	s.t.Logf("%s in %.1f s, starting the command included: %.0f a second, %d MiB resident at most", r.sentence(), r.took.Seconds(), rate, r.resident>>20)
	if *deliveries >= fullScale && rate < scaleRate {
		s.t.Errorf("%.0f events a second are compared, want %d", rate, scaleRate)
	}
	if r.resident > scaleMemory {
		s.t.Errorf("the command had %d MiB resident, want at most %d", r.resident>>20, scaleMemory>>20)
	}
	found := wanted{}
	lines := bufio.NewScanner(strings.NewReader(s.renormalize("--json").out))
	for lines.Scan() {
		var c operate.Changed
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			s.t.Fatal(err)
		}
		if c.Sequence == "" {
			continue // the sum, at the end
		}
		if found[c.Sequence] != nil {
			s.t.Errorf("%s is named twice", c.Sequence)
		}
		found[c.Sequence] = map[string]string{}
		for _, f := range c.Fields {
			if f.Before != f.After {
				found[c.Sequence][f.Field] = f.After
			}
		}
	}
	for sequence, fields := range want {
		if !maps.Equal(found[sequence], fields) {
			s.t.Fatalf("%s: got %v, want %v", sequence, found[sequence], fields)
		}
	}
	if len(found) != len(want) {
		s.t.Errorf("%d events are named, want %d", len(found), len(want))
	}
}

// interrupt ends the run that publishes the corrections with a signal, soon after its
// first one: it says how far it came and how to go on.
func (s *scaled) interrupt() {
	s.t.Helper()
	p, _, errs := testProgram("replay", "renormalize", "--apply", "--run", "scale", "--rate", "20", "--cursor", s.cursor(), "--config", s.config, "--data", s.data)
	p.Now = time.Now
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	code := make(chan int, 1)
	go func() { code <- p.Run(ctx) }()
	await(s.t, "a correction", func() bool { return s.stored() > *deliveries })
	cancel()
	if got := <-code; got != exitFailed {
		s.t.Errorf("interrupted, it exits with %d", got)
	}
	for _, want := range []string{
		"publishing corrections as run scale, at most 20 a second; consumers see each as one more message",
		`"what":"replay renormalize"`, "replay: interrupted when ", "→ run it again: it goes on where it was\n    " + p.again() + "\n",
	} {
		if !strings.Contains(errs.String(), want) {
			s.t.Errorf("interrupted, it does not say %q:\n%s", want, errs)
		}
	}
}

// kill ends the run that publishes the corrections when half of them are stored, so
// that it cannot say or save anything.
func (s *scaled) kill(want wanted) {
	s.t.Helper()
	cmd := s.command("--apply", "--run", "scale", "--rate", fmt.Sprint(len(want)), "--cursor", s.cursor())
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	await(s.t, "half of the corrections", func() bool { return s.stored() >= *deliveries+len(want)/2 })
	if err := cmd.Process.Kill(); err != nil {
		s.t.Error(err)
	}
	if err := cmd.Wait(); err == nil {
		s.t.Error("the run was over before it was killed")
	}
	if stored := s.stored(); stored >= *deliveries+len(want) {
		s.t.Errorf("killed when %d of %d corrections were stored: that is no test", stored-*deliveries, len(want))
	}
}

// checkCorrections checks that every event that changes is corrected once, in what was
// to change, and no other is.
func (s *scaled) checkCorrections(want wanted) {
	s.t.Helper()
	corrected := map[string]int{}
	s.walk(func(e *storedEvent) {
		if e.ReplayID == "" {
			return
		}
		corrected[e.Replaces]++
		fields := want[e.Replaces]
		state, stateChanges := fields["state"]
		if fields == nil || e.ReplayID != "scale" || e.Sequence != e.Replaces || stateChanges && e.Data.Payment.State != state ||
			fields["amount.value"] != "" && e.Data.Payment.Amount.Value != fields["amount.value"] {
			s.t.Errorf("the correction is %+v, want %v", e, fields)
		}
	})
	for sequence := range want {
		if corrected[sequence] != 1 {
			s.t.Fatalf("%s is corrected %d times", sequence, corrected[sequence])
		}
	}
	if len(corrected) != len(want) || s.stored() != *deliveries+len(want) {
		s.t.Errorf("%d events are corrected and %d messages stored, want %d and %d", len(corrected), s.stored(), len(want), *deliveries+len(want))
	}
}

// renormalized is what one run of the command did.
type renormalized struct {
	code     int
	out, err string
	took     time.Duration
	resident int
}

var changeSentence = regexp.MustCompile(`(?m)^[0-9,]+ of [0-9,]+ events change.*$`)

func (r renormalized) sentence() string { return changeSentence.FindString(r.out) }

// cursor is the cursor file of the run.
func (s *scaled) cursor() string { return s.data + ".cursor" }

func (s *scaled) command(args ...string) *exec.Cmd {
	args = append([]string{"replay", "renormalize", "--config", s.config, "--data", s.data}, args...)
	return exec.Command("paybridge", args...) // TestMain put it into the path
}

func (s *scaled) renormalize(args ...string) renormalized {
	s.t.Helper()
	var out, errs bytes.Buffer
	cmd := s.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	began := time.Now()
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan struct{})
	resident := make(chan int)
	go func() { resident <- peak(cmd.Process.Pid, ended) }()
	_ = cmd.Wait() // the exit code says it
	took := time.Since(began)
	close(ended)
	return renormalized{cmd.ProcessState.ExitCode(), out.String(), errs.String(), took, <-resident}
}

// peak is the most that a process has resident until it ends, in bytes. What the kernel
// says of an ended one counts its parent's as well.
func peak(pid int, ended <-chan struct{}) (most int) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return most
		case <-tick.C:
			if now, err := memoryOf(pid, "VmHWM"); err == nil { // it may be gone already
				most = max(most, now)
			}
		}
	}
}

// stored is how many messages PAYMENTS holds.
func (s *scaled) stored() int { return int(s.last(jetstream.Payments)) }

// walk visits what PAYMENTS holds, as a consumer in any language would read it.
func (s *scaled) walk(visit func(*storedEvent)) {
	s.t.Helper()
	err := operate.Walk(s.t.Context(), s.js, jetstream.Payments, operate.Range{}, func(m *natsjs.RawStreamMsg) error {
		var e storedEvent
		if err := json.Unmarshal(m.Data, &e); err != nil {
			return err
		}
		visit(&e)
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// storedEvent is what this test reads of an event.
type storedEvent struct {
	Source, Sequence, ReplayID, Replaces string
	Data                                 struct {
		Payment struct {
			ID     string
			State  string
			Amount struct{ Value string }
		}
	}
}

func (e *storedEvent) source() string { return strings.TrimPrefix(e.Source, "urn:paybridge:") }

// grouped is a count as people read it, for up to six digits.
func grouped(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}
