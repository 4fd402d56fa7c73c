package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"paybridge/deploy/operate"
)

// TestInterruptedIsNoFailure says that ^C reads as such, with how to go on, and that
// nothing else does.
func TestInterruptedIsNoFailure(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	canceled := fmt.Errorf("stream WEBHOOKS: %w", context.Canceled)
	redrive := &cobra.Command{Use: "redrive", Annotations: goesOn("run it again to go on")}
	for name, test := range map[string]struct {
		ctx       context.Context
		cmd       *cobra.Command
		err       error
		want, how string
	}{
		"interrupted":             {over, &cobra.Command{Use: "verify"}, canceled, "interrupted", "run it again"},
		"it says how it goes on":  {over, redrive, errors.Join(canceled, nil), "interrupted", "run it again to go on"},
		"another failure":         {over, redrive, errors.New("disk full"), "disk full", ""},
		"nobody interrupted it":   {t.Context(), redrive, canceled, canceled.Error(), ""},
		"it said so itself":       {over, redrive, interrupted(over, canceled, "type --run x"), "interrupted", "type --run x"},
		"it was not asked to end": {t.Context(), redrive, interrupted(t.Context(), canceled, "x"), canceled.Error(), ""},
	} {
		err := ending(test.ctx, test.cmd, true, test.err)
		var advice *operate.Advice
		how := ""
		if errors.As(err, &advice) {
			how = advice.Do
		}
		if err.Error() != test.want || how != test.how || exitCode(err) != exitFailed {
			t.Errorf("%s: %v → %q, %d", name, err, how, exitCode(err))
		}
	}
	if err := ending(over, redrive, true, nil); err != nil {
		t.Errorf("a clean end: %v", err)
	}
}

// TestInterruptedWhileItRuns says the same of the real program.
func TestInterruptedWhileItRuns(t *testing.T) {
	p, _, errs := testProgram("x", "two words")
	ctx, cancel := context.WithCancel(t.Context())
	root := &cobra.Command{Use: "paybridge", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(&cobra.Command{Use: "x", RunE: func(cmd *cobra.Command, _ []string) error {
		cancel()
		<-cmd.Context().Done()
		return cmd.Context().Err()
	}})
	if code := p.run(ctx, root); code != exitFailed || errs.String() != "paybridge: interrupted\n  → run it again\n    paybridge x 'two words'\n" {
		t.Errorf("%d, %s", code, errs)
	}
}

// TestMisspelledSaysHow says that what is typed wrong is answered with how it is typed.
func TestMisspelledSaysHow(t *testing.T) {
	for typed, want := range map[string][]string{
		"streams apply --yes --dry-run": {"[yes dry-run]", "type paybridge streams apply", "`paybridge streams apply --help` has examples"},
		"send":                          {"accepts between 1 and 2 arg(s)", "paybridge send SOURCE [FIXTURE]", "`paybridge send --help`"},
		"payment":                       {"accepts 1 arg(s)", "paybridge payment ID", "`paybridge payment --help`"},
		"tail --nonsense":               {"unknown flag: --nonsense", "`paybridge tail --help`"},
		"nonsense":                      {`unknown command "nonsense"`, "`paybridge --help`"},
		"streams chekc":                 {`unknown command "chekc" for "paybridge streams"`, "`paybridge streams --help`"},
		"tail --config nowhere.yaml":    {"nowhere.yaml", "no such file", "--config"},
	} {
		p, _, errs := testProgram(strings.Fields(typed)...)
		code := p.Run(t.Context())
		if code == exitOK || !strings.Contains(errs.String(), "  → ") {
			t.Errorf("%s: %d, %s", typed, code, errs)
		}
		for _, w := range want {
			if !strings.Contains(errs.String(), w) {
				t.Errorf("%s: no %q in %s", typed, w, errs)
			}
		}
	}
}

// TestProgressBeginsWithTheFirstItem says that what came before the first item is in no
// rate, and that nothing is estimated before a second has passed.
func TestProgressBeginsWithTheFirstItem(t *testing.T) {
	p, _, errs := testProgram()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	p.Now = func() time.Time { return now }
	progress := p.progress("events")
	for _, step := range []struct {
		after time.Duration
		done  int
		want  string
	}{
		{time.Minute, 1, ""},
		{999 * time.Millisecond, 900, ""},
		{time.Millisecond, 1001, "1001 of 3001 events, 1000/s, 2s left\n"},
		{500 * time.Millisecond, 1501, ""},
		{500 * time.Millisecond, 1501, "1501 of 3001 events, 750/s, 2s left\n"},
	} {
		errs.Reset()
		now = now.Add(step.after)
		if progress(step.done, 3001); errs.String() != step.want {
			t.Errorf("%d done: %q, want %q", step.done, errs, step.want)
		}
	}
	errs.Reset()
	stuck := p.progress("events")
	stuck(1, 9)
	now = now.Add(2 * time.Second)
	if stuck(1, 9); errs.String() != "1 of 9 events\n" {
		t.Errorf("without a rate: %q", errs)
	}
}

// TestNonsenseIsRefused says that a value that can only be a typo is an error, before
// anything is looked for.
func TestNonsenseIsRefused(t *testing.T) {
	for typed, want := range map[string]string{
		"replay renormalize --rate -5":                             "--rate -5",
		"replay export x.jsonl --rate -1":                          "--rate -1",
		"send pik --repeat 0":                                      "--repeat 0",
		"send pik --repeat -1":                                     "--repeat -1",
		"send pik --rate -2":                                       "--rate -2",
		"send pik --rate NaN":                                      "--rate NaN",
		"tail --count -1":                                          "--count -1",
		"tail --timeout -1s":                                       "--timeout -1s",
		"verify --since 1d --until 2d":                             "--since 1d is not before --until 2d",
		"verify --since 1d --until 1d":                             "--since 1d is not before --until 1d",
		"replay renormalize --since 2026-01-01 --until 2025-12-31": "is not before --until 2025-12-31",
		"webhook --public ftp://x":                                 `--public "ftp://x"`,
		"webhook --public pay.example.com":                         `--public "pay.example.com"`,
		"webhook --public https://a.example/?x=1":                  `--public "https://a.example/?x=1"`,
	} {
		p, out, errs := testProgram(strings.Fields(typed)...)
		if code := p.Run(t.Context()); code != exitFailed || !strings.Contains(errs.String(), want) || out.Len() > 0 {
			t.Errorf("%s: %d, %s%s", typed, code, out, errs)
		}
	}
}
