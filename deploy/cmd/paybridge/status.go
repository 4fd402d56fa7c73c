package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"paybridge/deploy/operate"
)

// statusCommand is `status`: one screen, at one moment, or again and again.
func (p *Program) statusCommand() *cobra.Command {
	var pl place
	var asJSON, watched bool
	var w watch
	var patience time.Duration
	cmd := &cobra.Command{
		Use:   "status",
		Short: "what is stored, how fast, how far behind the normalizer is, what died",
		Long: `Prints the streams, the normalizer and each source: messages and their rate, what waits
and for how long, events and how many of them are of a type that the pack does not map
(UNKNOWN), and dead letters by reason. Rates, and NEW dead letters, are over the last minute.

A dead letter stays until it reaches its age, also when it was redriven. OPEN are those
whose events are not all in PAYMENTS, as deadletters list --open lists them, REDRIVEN the
others. To tell them apart, the dead letters and the events since are read, for at most
--patience (with --watch: half of --interval); while some are left OPEN is at most (≤).
--watch goes on where its last look stopped, and begins again where a pack has changed.

--watch draws it again every --interval, with rates since the last look, until Ctrl-C.
Where the output is no terminal it prints one block after the other; with --json, one
object a line.`,
		Example: "  paybridge status\n  paybridge status --json\n  paybridge status --watch\n  paybridge status --watch --interval 10s --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if w.interval <= 0 {
				return &operate.Advice{Err: fmt.Errorf("status: an interval of %v", w.interval), Do: "wait between two looks, such as --interval 2s"}
			}
			if patience < 0 {
				return &operate.Advice{Err: fmt.Errorf("status: a patience of %v", patience), Do: "0 is as long as it takes"}
			}
			b, err := p.findBus(pl)
			if err != nil {
				return err
			}
			if half := w.interval / 2; watched && (patience == 0 || patience > half) {
				patience = half // the next look goes on
			}
			w.bus, w.json = b.NATS().URL, asJSON
			open := newOpenLook(p, pl, b, patience)
			w.look = open.again
			return b.onBus(cmd.Context(), roleOperator, func(ctx context.Context, js natsjs.JetStream) error {
				if watched {
					return p.watch(ctx, js, w)
				}
				open.dead.Progress = p.progress
				status, err := open.read(ctx, js, operate.RateWindow)
				if err != nil {
					return err
				}
				if asJSON {
					return p.printJSON(status)
				}
				return printStatus(p.Stdout, status)
			})
		},
	}
	pl.flags(cmd)
	jsonFlag(cmd, &asJSON)
	cmd.Flags().BoolVar(&watched, "watch", false, "again and again, until Ctrl-C")
	cmd.Flags().DurationVar(&w.interval, "interval", 2*time.Second, "with --watch: between two looks")
	cmd.Flags().DurationVar(&patience, "patience", 2*time.Second, "how long one look may take to tell open dead letters from redriven ones; 0: as long as it takes")
	cmd.Flags().IntVar(&w.count, "count", 0, "with --watch: stop after so many looks (0: go on)")
	return cmd
}

// printStatus prints the streams, the normalizer, the sources and the dead letters, in
// the order of the flow. Every line fits into 80 columns but where names are very long.
func printStatus(w io.Writer, s operate.Status) error {
	t := newTable(w, "STREAM", "MESSAGES", "PER SECOND", "SIZE", "OF", "OLDEST", "NEWEST")
	for _, stream := range s.Streams {
		t.row(stream.Name, stream.Messages, rate(stream.Rate), operate.Bytes(stream.Bytes), operate.Bytes(stream.MaxBytes), ago(s.At, stream.First), ago(s.At, stream.Last))
	}
	if err := t.flush(); err != nil {
		return err
	}
	if n := s.Normalizer; n == nil {
		fmt.Fprintln(w, "\nthe consumer normalizer does not exist: nothing becomes an event")
	} else {
		fmt.Fprintf(w, "\nnormalizer: %d waiting, %d in hand, %d redelivered; ", n.Pending, n.InHand, n.Redelivered)
		if s.Oldest.IsZero() {
			fmt.Fprintf(w, "done up to delivery %d\n", n.AckFloor)
		} else {
			fmt.Fprintf(w, "the oldest, %d, since %s\n", n.AckFloor+1, age(s.At, s.Oldest))
		}
	}
	if len(s.Sources) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	text, dead, err := sourcesText(s, 2)
	if err == nil && widest(text) > columns {
		text, dead, err = sourcesText(s, 1)
	}
	if err != nil {
		return err
	}
	fmt.Fprint(w, text)
	fmt.Fprintf(w, "PER SECOND, /S and NEW: over the last %s\n", operate.Age(seconds(s.Window).Round(100*time.Millisecond)))
	if !dead {
		return nil
	}
	return printDeadReasons(w, s)
}

// columns are those of a terminal that nobody has made wider.
const columns = 80

// sourcesText is the table of the sources, with so many spaces between its columns; dead
// says that there are dead letters.
func sourcesText(s operate.Status, gap int) (text string, dead bool, err error) {
	var w strings.Builder
	t := newGappedTable(&w, gap, "SOURCE", "DELIVERED", "/S", "LAST", "WAITING", "OLDEST", "EVENTS", "UNKNOWN", "/S", "OPEN", "NEW")
	for _, source := range s.Sources {
		open := uint64(0)
		for _, n := range source.Open {
			open += n
		}
		dead = dead || len(source.DeadLetters) > 0
		t.row(source.Name, source.Deliveries, rate(source.DeliveryRate), age(s.At, source.Last), source.Waiting, age(s.At, source.Oldest),
			source.Events, source.Unknown, rate(source.EventRate), atMost(s, open), source.NewDead)
	}
	err = t.flush()
	return w.String(), dead, err
}

// widest is how many columns the longest line takes.
func widest(text string) (n int) {
	for line := range strings.Lines(text) {
		n = max(n, utf8.RuneCountInString(strings.TrimRight(line, "\n")))
	}
	return n
}

// atMost is a number of open dead letters, marked as long as it may be too high.
func atMost(s operate.Status, open uint64) string {
	if s.OpenLeft > 0 && open > 0 {
		return fmt.Sprintf("≤%d", open)
	}
	return fmt.Sprint(open)
}

// printDeadReasons counts the dead letters by source and reason.
func printDeadReasons(w io.Writer, s operate.Status) error {
	fmt.Fprintln(w)
	t := newTable(w, "DEAD LETTERS", "REASON", "COUNT", "OPEN", "REDRIVEN")
	for _, source := range s.Sources {
		for _, reason := range slices.Sorted(maps.Keys(source.DeadLetters)) {
			t.row(source.Name, reason, source.DeadLetters[reason], atMost(s, source.Open[reason]), source.Redriven[reason])
		}
	}
	if err := t.flush(); err != nil || s.OpenLeft == 0 {
		return err
	}
	_, err := fmt.Fprintf(w, "≤: at most, for %d messages are not looked through yet; --patience 0 takes its time\n", s.OpenLeft)
	return err
}

// rate is a rate per second, with as many decimals as tell something.
func rate(r float64) string {
	switch {
	case r == 0:
		return "0"
	case r < 0.095:
		return fmt.Sprintf("%.2f", r)
	case r < 9.95:
		return fmt.Sprintf("%.1f", r)
	}
	return fmt.Sprintf("%.0f", r)
}

// age is how long something was before now, "-" where it never was.
func age(now, at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return operate.Age(max(now.Sub(at), 0).Round(time.Second))
}

// ago is how long before now something was, "-" where it never was.
func ago(now, at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return age(now, at) + " ago"
}

// orDash is text, or a dash where there is none.
func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
