package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"paybridge/deploy/jetstream"
	"paybridge/deploy/operate"
)

// TestMain makes this test binary the program, for the scripts, and a bus to be killed.
func TestMain(m *testing.M) {
	testscript.Main(leakChecked{m}, map[string]func(){"paybridge": main, "bus-of-the-tests": runBus})
}

// leakChecked runs the tests and then looks for goroutines that they left.
type leakChecked struct{ m *testing.M }

func (l leakChecked) Run() int {
	code := l.m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		os.Stderr.WriteString(err.Error() + "\n")
		return 1
	}
	return code
}

// startPatience bounds how long an `up` of a script may take to be ready.
const startPatience = 30 * time.Second

// TestScripts runs the manual: every script is a session at a terminal, with the
// real program and, where it starts one, a real server on a free port.
func TestScripts(t *testing.T) {
	readme, err := filepath.Abs("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("README", readme)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"eventually": eventually,
			"ready":      ready,
			"replace":    replace,
			"take":       take,
			"terminate":  terminate,
			"metric":     metric,
		},
		RequireExplicitExec: true,
	})
}

// ready waits until an up runs on a data folder: `ready data`. It sets WEBHOOKS,
// ADMIN and NATS to where it listens.
func ready(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ready DATA")
	}
	folder := operate.Folder{Path: ts.MkAbs(args[0])}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(startPatience); time.Now().Before(deadline); <-tick.C {
		if r, ok, err := folder.Running(); err == nil && ok {
			ts.Setenv("WEBHOOKS", r.Webhooks)
			ts.Setenv("ADMIN", r.Admin)
			ts.Setenv("NATS", r.NATS)
			return
		}
	}
	ts.Fatalf("no up became ready on %s", folder.Path)
}

// terminate sends SIGTERM to the up that runs on a data folder: `terminate data`.
func terminate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: terminate DATA")
	}
	r, ok, err := operate.Folder{Path: ts.MkAbs(args[0])}.Running()
	ts.Check(err)
	if !ok {
		ts.Fatalf("no up runs on %s", args[0])
	}
	ts.Check(syscall.Kill(r.PID, syscall.SIGTERM))
}

// eventually runs a program until it succeeds: `eventually paybridge …`. What is
// stored becomes an event a moment later.
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: eventually PROGRAM [ARG...]")
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var err error
	for deadline := time.Now().Add(startPatience); time.Now().Before(deadline); <-tick.C {
		if err = ts.Exec(args[0], args[1:]...); err == nil {
			return
		}
	}
	ts.Fatalf("%v: %v", args, err)
}

// metric waits until ADMIN shows a metric: `metric 'NAME{LABEL="X"} [1-9]'`. It is a
// regular expression but for its braces, and begins the line.
func metric(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: metric LINE")
	}
	line := regexp.MustCompile("(?m)^" + strings.NewReplacer("{", `\{`, "}", `\}`).Replace(args[0]))
	defer http.DefaultClient.CloseIdleConnections()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(startPatience); time.Now().Before(deadline); <-tick.C {
		answer, err := http.Get(ts.Getenv("ADMIN") + "/metrics")
		ts.Check(err)
		body, err := io.ReadAll(answer.Body)
		ts.Check(errors.Join(err, answer.Body.Close()))
		if line.Match(body) {
			return
		}
	}
	ts.Fatalf("never in the metrics: %s", args[0])
}

// take is a team's service: `take CONSUMER N` takes N events from its durable consumer
// on the bus NATS, acknowledges them, and prints the message id of each.
func take(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: take CONSUMER N")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	nc, err := nats.Connect(ts.Getenv("NATS"))
	ts.Check(err)
	defer nc.Close()
	js, err := natsjs.New(nc)
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), startPatience)
	defer cancel()
	consumer, err := js.Consumer(ctx, jetstream.Payments, args[0])
	ts.Check(err)
	for range n {
		msg, err := consumer.Next(natsjs.FetchMaxWait(startPatience))
		ts.Check(err)
		ts.Check(msg.DoubleAck(ctx))
		fmt.Fprintln(ts.Stdout(), msg.Headers().Get(nats.MsgIdHdr))
	}
}

// replace changes text in a file: `replace FILE OLD NEW`.
func replace(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: replace FILE OLD NEW")
	}
	before := ts.ReadFile(args[0])
	after := replaceOnce(before, args[1], args[2])
	if after == before {
		ts.Fatalf("%s does not hold %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(after), 0o600))
}
