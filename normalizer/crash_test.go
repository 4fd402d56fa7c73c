package normalizer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"paybridge/schemas/delivery"
)

func TestPoisonIsTheFirstSuspectOverTheGuard(t *testing.T) {
	for _, test := range []struct {
		name      string
		delivered []uint64
		want      []bool
	}{
		{"never before", []uint64{1, 1}, []bool{false, false}},
		{"up to the guard", []uint64{2, 8}, []bool{false, false}},
		{"the first over it, and not its neighbours", []uint64{9, 9, 10, 32}, []bool{true, false, false, false}},
		{"one within it does not count as the first", []uint64{8, 9, 9}, []bool{false, true, false}},
		{"over the limit, whoever was first", []uint64{9, 33, 33}, []bool{true, true, true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := crashGuard{most: 8, limit: 32}
			var got []bool
			for _, d := range test.delivered {
				got = append(got, g.poison(d))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("%v: %v, want %v", test.delivered, got, test.want)
			}
		})
	}
}

// The environment of a worker process; see TestPoisonKillsItsWorkersAndNobodyElse.
const (
	workerURL   = "NORMALIZER_TEST_WORKER"
	workerGuard = 3
)

// poisonedWorker runs a normalizer in a process of its own until stdin ends, where
// the environment says so.
func poisonedWorker() bool {
	url := os.Getenv(workerURL)
	if url == "" {
		return false
	}
	nc, err := nats.Connect(url)
	if err != nil {
		panic(err)
	}
	o := testOptions(nc, nil, words{})
	o.CrashGuard = workerGuard
	n, err := New(o)
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); cancel() }()
	if err := n.Run(ctx); err != nil {
		panic(err)
	}
	return true
}

// worker starts this test's program as a worker. The channel has its exit code.
func (r *rig) worker() (stop func(), exited <-chan int) {
	r.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), workerURL+"="+r.server.URL)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		r.t.Fatal(err)
	}
	code := make(chan int, 1)
	go func() {
		err := cmd.Wait()
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			code <- -1
			return
		}
		code <- cmd.ProcessState.ExitCode()
	}()
	return func() { _ = stdin.Close() }, code
}

// A message whose parsing ends the process takes its worker down, again and again,
// until the guard knows it; what was in hand with it becomes events, once.
func TestPoisonKillsItsWorkersAndNobodyElse(t *testing.T) {
	r := newRig(t)
	r.ackWait(400 * time.Millisecond)
	const neighbours = 60
	poison := map[uint64]bool{}
	for i := range neighbours {
		r.put(fmt.Sprintf("e%d p%d", i, i%5))
		if i == 20 || i == 40 {
			poison[r.put("exit").Sequence] = true
		}
	}

	crashes := 0
	stop, exited := r.worker()
	r.eventually("all settled", func() bool {
		select {
		case code := <-exited:
			if code != 3 {
				t.Fatalf("worker exited with %d", code)
			}
			crashes++
			stop, exited = r.worker()
		default:
		}
		return r.isSettled()
	})
	stop()
	if code := <-exited; code != 0 {
		t.Errorf("the last worker exited with %d", code)
	}

	seen := map[string]int{}
	for _, e := range r.events() {
		seen[e.ID]++
	}
	for i := range neighbours {
		if id := fmt.Sprintf("e%d", i); seen[id] != 1 {
			t.Errorf("%s: %d events", id, seen[id])
		}
	}
	letters := r.letters()
	if len(letters) != len(poison) {
		t.Errorf("%d dead letters", len(letters))
	}
	for _, l := range letters {
		if l.Reason != delivery.CrashGuard || !poison[l.StreamSequence] || l.Deliveries <= workerGuard {
			t.Errorf("dead letter %s of %d after %d deliveries", l.Reason, l.StreamSequence, l.Deliveries)
		}
	}
	// Each takes as many workers as the guard says, most of them both.
	if crashes < workerGuard || crashes > 2*workerGuard {
		t.Errorf("%d workers crashed", crashes)
	}
}
