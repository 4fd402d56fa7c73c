// Command bench measures paybridge beside the obvious hand-written programs, side
// by side in one run: separate processes, TCP loopback, a real nats-server with
// file storage, rounds interleaved.
//
// # The promise
//
// It prints ratios of programs that ran minutes apart on the same machine, never a
// figure to be compared with another day's. The programs that paybridge is held
// against are in this folder and do the least that could be called a bridge:
//
//	bridge   net/http, HMAC, PublishMsgAsync, wait for its own ack, answer
//	copy     consume, publish the same bytes to another stream, ack: nothing parsed
//	serial   the same, one message at a time
//	mapper   consume, encoding/json into a struct, publish an event, ack
//
// It is not a test: beside each figure that is judged stands what it should be, and
// nothing fails on a slow machine.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
)

const help = `bench measures paybridge beside hand-written programs and prints ratios.

  go run ./deploy/bench                  the short form: the judged rows, about 95 seconds
  go run ./deploy/bench -full            every size, concurrency and sync setting
  go run ./deploy/bench -only ingress    the rows of that name: a regular expression
  go run ./deploy/bench -full -list      what there is to measure
  go run ./deploy/bench -markdown FILE -plot FILE.svg
  go run ./deploy/bench -scale           10 k beside 1 M and 5 M stored; some 15 minutes

Ratios are medians over the rounds of this run; higher is better for paybridge,
but for the rows in milliseconds.

`

func main() { os.Exit(run(os.Args[1:])) }

// run is main with an exit code. A first argument that names a role makes this
// process one of the measured programs.
func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := dispatch(ctx, args); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	return 0
}

func dispatch(ctx context.Context, args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "bridge":
			return runBridge(ctx, args[1:])
		case "copy":
			return runCopy(ctx, args[1:])
		case "load":
			return runLoad(ctx, args[1:])
		case "follow":
			return runFollow(ctx, args[1:])
		}
	}
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(flags.Output(), help); flags.PrintDefaults() }
	flags.IntVar(&o.rounds, "rounds", 5, "rounds of each comparison, interleaved")
	flags.DurationVar(&o.length, "length", 0, "counted length of one ingress round (default 300ms, 1s with -full)")
	flags.IntVar(&o.messages, "messages", 16_000, "deliveries of one normalizer round")
	flags.StringVar(&o.only, "only", "", "measure the rows whose name matches this regular expression")
	flags.BoolVar(&o.list, "list", false, "print the rows' names instead of measuring")
	flags.BoolVar(&o.full, "full", false, "measure every size, concurrency and sync setting")
	flags.StringVar(&o.markdown, "markdown", "", "write the table to this file")
	flags.StringVar(&o.plot, "plot", "", "write a plot (SVG) to this file")
	flags.StringVar(&o.readme, "readme", "", "write the judged figures into this file, between the comments that say so")
	flags.BoolVar(&o.scale, "scale", false, "measure with much stored instead")
	stored := flags.String("stored", "1000000,5000000", "with -scale: how many messages")
	flags.StringVar(&o.data, "data", "", "with -scale: keep what is stored in this folder, for another run")
	flags.BoolVar(&o.fill, "fill", false, "with -scale and -data: store it and measure nothing")
	if err := flags.Parse(args); err != nil {
		if err == flag.ErrHelp {
			return nil
		}
		return err
	}
	if o.scale {
		for text := range strings.SplitSeq(*stored, ",") {
			n, err := strconv.Atoi(text)
			if err != nil {
				return fmt.Errorf("-stored: %w", err)
			}
			o.stored = append(o.stored, n)
		}
		return measureScale(ctx, o.defaults())
	}
	return measure(ctx, o.defaults())
}
