// Command paybridge is the operator's and the newcomer's program: the whole
// bridge in one process on an embedded NATS server, and the tools around it.
//
//	paybridge up          run everything
//	paybridge send pik    sign one of PIK's documented webhooks and post it
//	paybridge tail        watch the events
//
// Output is for people, or JSON with --json; errors go to stderr with what to
// do next. Exit code 0 is success, 1 a failure, 78 a mistake in the
// configuration.
package main

import (
	"context"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	// Time zones of mappings must not depend on the machine's zone files.
	_ "time/tzdata"
)

// main translates: arguments, environment and signals in, an exit code out.
func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	// A second Ctrl-C does not wait.
	context.AfterFunc(ctx, stop)
	p := Program{
		Name:      invocation(os.Args[0]),
		PID:       os.Getpid(),
		Args:      os.Args[1:],
		Stdin:     os.Stdin,
		Stdout:    os.Stdout,
		Stderr:    os.Stderr,
		LookupEnv: os.LookupEnv,
		ReadFile:  os.ReadFile,
		Now:       time.Now,
	}
	os.Exit(p.Run(ctx))
}

// invocation is how to type this program's name again: as it was typed, or, where
// `go run` made the program, as that was typed.
func invocation(arg0 string) string {
	if strings.Contains(arg0, "go-build") {
		return "go run ./deploy/cmd/paybridge"
	}
	return shellWord(arg0)
}
