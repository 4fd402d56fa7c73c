// Command normalizer is the production process that turns stored deliveries into
// events: a configuration in, one running normalizer, one exit code. It exits with
// 0 after SIGINT or SIGTERM when what was in hand is finished, with 78 where the
// configuration, a pack or the streams must be changed, and with 1 for anything
// else.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	// Time zones of mappings must not depend on the machine's zone files.
	_ "time/tzdata"

	"go.uber.org/zap/zapcore"

	"paybridge/config"
	"paybridge/deploy/normalizerd"
	"paybridge/normalizer"
)

const usage = `normalizer reads the stored deliveries of the stream WEBHOOKS and publishes each as
a CloudEvent on a typed subject of PAYMENTS, or, with the reason, on DEADLETTERS.
Run as many as you like: each delivery is given to one of them.

  normalizer --config paybridge.yaml

The configuration's sections normalizer, nats, events, seal, sources and
providers_dir are read; secrets of sources are not. The streams and the consumer must
exist (paybridge streams apply). Operators look at http://127.0.0.1:9091/readyz and
/metrics. Sources, packs and seal keys that change in their files are taken over within seconds,
or at SIGHUP: those of a new source here first, then in the ingress.

Flags:
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	tune(os.LookupEnv)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main without the process around it. Logs and problems go to stderr.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("normalizer", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprint(stderr, usage); flags.PrintDefaults() }
	file := flags.String("config", "paybridge.yaml", "the configuration `FILE`")
	version := flags.Bool("version", false, "print the version and exit")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return config.ExitCode // the flag package has said why
	case flags.NArg() > 0:
		fmt.Fprintf(stderr, "normalizer: unexpected %q: the configuration is named with --config FILE\n", flags.Arg(0))
		return config.ExitCode
	case *version:
		fmt.Fprintln(stdout, "normalizer", buildVersion())
		return 0
	}
	logs := zapcore.Lock(zapcore.AddSync(stderr)) // one lock for both loggers
	log := config.Logger("normalizer", logs)
	reload := config.NewReloader(config.FromFile(*file, normalizerd.Judge), log)
	reload.Version = buildVersion()
	cfg, err := reload.Load()
	if err == nil {
		defer reload.Start()()
		receipts, flush := config.GatheringLogger("normalizer", logs)
		err = normalizerd.Run(ctx, cfg, normalizerd.Options{
			Version: buildVersion(), Logger: log, Receipts: normalizer.Receipts{Logger: receipts, Flush: flush}, Reload: reload,
		})
	}
	return exit(err, stderr)
}

// exit prints what was wrong and says with which code that ends the process.
func exit(err error, stderr io.Writer) int {
	switch {
	case err == nil:
		return 0
	case normalizerd.Refused(err):
		fmt.Fprintf(stderr, "normalizer: the configuration is refused:\n%v\n", err)
		return config.ExitCode
	}
	fmt.Fprintf(stderr, "normalizer: %v\n", err)
	if errors.Is(err, os.ErrNotExist) {
		return config.ExitCode
	}
	return 1
}

// buildVersion is the module's version, and the commit that it was built from.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			version += " " + s.Value[:12]
		}
	}
	return version
}
