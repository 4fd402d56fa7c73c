package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"paybridge/config"
	"paybridge/deploy/jetstream"
	"paybridge/deploy/normalizerd"
	"paybridge/deploy/operate"
	"paybridge/schemas/provider"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // and config.ExitCode where the configuration must be changed
)

// Program is one run of paybridge: everything that it would otherwise take from
// its process, so that tests run the real thing.
type Program struct {
	Name           string // how to type it again, for the commands that it suggests
	PID            int    // its process
	Args           []string
	Stdin          io.Reader // a person's answers, where it is a terminal; nothing else is read
	Stdout, Stderr io.Writer
	LookupEnv      func(string) (string, bool)
	ReadFile       func(string) ([]byte, error)
	Now            func() time.Time
}

// Run runs the command that Args name and returns the exit code. It returns when
// the command is done or, after ctx is canceled, when it has shut down cleanly.
func (p *Program) Run(ctx context.Context) int { return p.run(ctx, p.root()) }

// run runs a command tree.
func (p *Program) run(ctx context.Context, root *cobra.Command) int {
	began := false
	// Cobra looks at flags that exclude each other only after this.
	root.PersistentPreRun = func(cmd *cobra.Command, _ []string) { began = cmd.ValidateFlagGroups() == nil }
	root.SetArgs(p.Args)
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err = ending(ctx, cmd, began, err); err == nil {
		return exitOK
	}
	fmt.Fprintf(p.Stderr, "paybridge: %v\n", err)
	var advice *operate.Advice
	switch dir := brokenPacks(err); {
	case errors.As(err, &advice) && advice.Do != "":
		fmt.Fprintf(p.Stderr, "  → %s\n", advice.Do)
		if errors.Is(err, errInterrupted) {
			fmt.Fprintf(p.Stderr, "    %s\n", p.again())
		}
	case dir != "" && cmd.CommandPath() != "paybridge provider check":
		fmt.Fprintf(p.Stderr, "  → `%s provider check %s` says more\n", p.Name, shellWord(dir))
	}
	return exitCode(err)
}

// brokenPacks is the folder of the packs that an error is about: one pack's, or the one
// that holds them all; "" where it is about none.
func brokenPacks(err error) string {
	var files []string
	var packs provider.Problems
	var ours config.Problems
	switch {
	case errors.As(err, &packs):
		for _, problem := range packs {
			files = append(files, problem.At.File)
		}
	case errors.As(err, &ours):
		for _, problem := range ours {
			if filepath.Base(problem.At.File) == packFile {
				files = append(files, problem.At.File)
			}
		}
	}
	dir := ""
	for i, file := range files {
		of := filepath.Dir(file)
		switch {
		case i == 0:
			dir = of
		case of != dir:
			return filepath.Dir(of)
		}
	}
	return dir
}

// packFile is where a pack is described, in its folder.
const packFile = "provider.yaml"

// exitCode is the one place that turns a kind of error into an exit code.
func exitCode(err error) int {
	var (
		ours     config.Problems
		single   config.Problem
		packs    provider.Problems
		misread  *mistake
		bus      *jetstream.Refused
		mistaken = errors.As(err, &ours) || errors.As(err, &single) || errors.As(err, &packs) ||
			errors.As(err, &misread) || errors.As(err, &bus) || normalizerd.Refused(err)
	)
	if mistaken {
		return config.ExitCode
	}
	return exitFailed
}

// root is the command tree, in the order in which a newcomer needs it.
func (p *Program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "paybridge",
		Short: "payment webhooks in, CloudEvents on typed subjects out",
		Long: `paybridge accepts payment providers' webhooks, verifies their signatures, stores
them byte for byte in NATS JetStream and publishes each as a CloudEvent on a
typed subject such as payments.pik.payin.confirmed.payment.confirmed.

The first minute:

  paybridge up            # everything in one process; leave it running
  paybridge tail          # in a second terminal: the events, one line each
  paybridge send pik      # in a third: a signed webhook, as PIK would send it`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	for _, group := range []struct {
		id, title string
		commands  []*cobra.Command
	}{
		{"start", "Start and see:", []*cobra.Command{p.upCommand(), p.demoCommand(), p.sendCommand(), p.tailCommand()}},
		{"look", "Look into it:", []*cobra.Command{p.statusCommand(), p.paymentCommand(), p.deadlettersCommand(), p.doctorCommand()}},
		{"prove", "Prove it:", []*cobra.Command{p.verifyCommand(), p.auditCommand()}},
		{"again", "Do it again:", []*cobra.Command{p.replayCommand()}},
		{"provide", "Providers, streams and teams:", []*cobra.Command{
			p.providerCommand(), p.webhookCommand(), p.streamsCommand(), p.consumerCommand(), p.natsCommand(),
		}},
	} {
		root.AddGroup(&cobra.Group{ID: group.id, Title: group.title})
		for _, cmd := range group.commands {
			cmd.GroupID = group.id
			root.AddCommand(cmd)
		}
	}
	root.AddCommand(p.versionCommand())
	return root
}
