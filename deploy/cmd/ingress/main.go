// Command ingress is the production process that accepts webhooks: a configuration
// in, one running ingress, one exit code. It exits with 0 after SIGINT or SIGTERM when
// everything in hand is answered, with 78 where the configuration must be changed, and
// with 1 for anything else.
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

	"go.uber.org/zap/zapcore"

	"paybridge/config"
	"paybridge/deploy/ingressd"
	"paybridge/ingress"
)

const usage = `ingress accepts payment providers' webhooks, verifies them and stores them in NATS
JetStream, byte for byte. It answers 200 only for what is stored.

  ingress --config paybridge.yaml

The configuration's sections ingress, nats, seal and sources are read; the stream
WEBHOOKS must exist (paybridge streams apply). Providers send to

  POST http://HOST:8080/webhooks/SOURCE            or /webhooks/SOURCE/ENDPOINT

and operators look at http://127.0.0.1:9090/readyz and /metrics. Sources, secrets,
seal keys, packs and certificates that change in their files are taken over within
seconds, or at SIGHUP; a change that is wrong leaves the old ones in force and is
logged.

Flags:
`

func main() {
	tune(os.LookupEnv)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main without the process around it. Logs and problems go to stderr.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("ingress", flag.ContinueOnError)
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
		fmt.Fprintf(stderr, "ingress: unexpected %q: the configuration is named with --config FILE\n", flags.Arg(0))
		return config.ExitCode
	case *version:
		fmt.Fprintln(stdout, "ingress", buildVersion())
		return 0
	}
	logs := zapcore.Lock(zapcore.AddSync(stderr)) // one lock for both loggers
	log := config.Logger("ingress", logs)
	reload := config.NewReloader(config.FromFile(*file, ingressd.Judge), log)
	reload.Version = buildVersion()
	cfg, err := reload.Load()
	if err == nil {
		defer reload.Start()()
		receipts, flush := config.GatheringLogger("ingress", logs)
		err = ingressd.Run(ctx, cfg, ingressd.Options{Log: log, Receipts: ingress.Receipts{Logger: receipts, Flush: flush}, Reload: reload})
	}
	return exit(err, stderr)
}

// exit prints what was wrong and says with which code that ends the process.
func exit(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	var problems config.Problems
	if errors.As(err, &problems) {
		fmt.Fprintf(stderr, "ingress: the configuration is refused:\n%v\n", problems)
		return config.ExitCode
	}
	fmt.Fprintf(stderr, "ingress: %v\n", err)
	if errors.Is(err, os.ErrNotExist) {
		return config.ExitCode
	}
	return 1
}

// buildVersion is the module's version, or the commit that it was built from.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	version := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			version += " " + s.Value[:12]
		}
	}
	return version
}
