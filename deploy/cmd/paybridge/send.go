package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"paybridge/config"
	"paybridge/deploy/operate"
	"paybridge/ingress/auth"
	"paybridge/schemas/provider"
)

// sendFlags are the flags of `send`.
type sendFlags struct {
	place
	endpoint, url, secretFile string
	repeat                    int
	rate                      float64
	vary, json                bool
	forged, production        bool
	why                       string
}

// sendCommand is `send`.
func (p *Program) sendCommand() *cobra.Command {
	var f sendFlags
	cmd := &cobra.Command{
		Use:   "send SOURCE [FIXTURE]",
		Short: "sign one of a provider's documented webhooks and post it",
		Long: `Takes a fixture of the source's pack, signs it now, as that provider would and with
the source's own secret, posts it, and says what was answered. It fails unless
every answer is 200 (with --forged: 401). ` + "`paybridge provider show`" + ` lists a pack's fixtures.

The same bytes sent again are the same delivery: answered 200, stored once. With
--vary every request is a payment of its own.

URL and secret come from the configuration and the data folder. To send to any
other address, name both: --url and --secret-file; SOURCE may then be the name of a
pack.

A configuration that says ` + "`environment: production`" + ` is refused without --into-production:
the events that come of it are payments to everybody who reads them, and who made them up
is an audit line on stderr. --forged is harmless
anywhere: signed with a secret that is nobody's, it has to be answered 401, which shows that
the way to the source works, and nothing is stored.`,
		Example: `  paybridge send pik
  paybridge send pik --forged
  paybridge send pik --repeat 100 --rate 200 --vary
  paybridge send pixorder --endpoint PixPaymentReceivement
  paybridge send pik --url https://pay.example.com/webhooks/pik --secret-file pik.secret`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			send, err := p.prepare(f, args[0], first(args[1:]))
			if err != nil {
				return err
			}
			sum, err := p.send(cmd.Context(), send, f.json)
			if f.production && !f.forged {
				p.auditLine("send", f.why, err, zap.String("source", args[0]), zap.String("url", send.URL), zap.Any("counts", sum))
			}
			return err
		},
	}
	f.flags(cmd)
	cmd.Flags().StringVar(&f.endpoint, "endpoint", "", "endpoint, for a source that has several (default: the fixture's)")
	cmd.Flags().StringVar(&f.url, "url", "", "post there; with no path, /webhooks/SOURCE is added")
	cmd.Flags().StringVar(&f.secretFile, "secret-file", "", "file that holds the secret to sign with")
	cmd.Flags().BoolVar(&f.forged, "forged", false, "sign with nobody's secret: has to be answered 401, and stores nothing")
	cmd.Flags().BoolVar(&f.production, "into-production", false, "also where the configuration says environment: production")
	cmd.Flags().StringVar(&f.why, "why", "", "with --into-production: why, for the audit line")
	cmd.Flags().IntVar(&f.repeat, "repeat", 1, "how many requests")
	cmd.Flags().Float64Var(&f.rate, "rate", 0, "requests a second (0: one after another)")
	cmd.Flags().BoolVar(&f.vary, "vary", false, "make each request a distinct payment by replacing the ids in it")
	jsonFlag(cmd, &f.json)
	return cmd
}

// prepare turns the flags into a Send.
func (p *Program) prepare(f sendFlags, source, fixture string) (operate.Send, error) {
	if f.repeat < 1 || !(f.rate >= 0) {
		return operate.Send{}, &operate.Advice{
			Err: fmt.Errorf("--repeat %d --rate %g: that sends nothing", f.repeat, f.rate),
			Do:  "--repeat is at least 1, and --rate 0 is one after another",
		}
	}
	b, err := p.find(f.place)
	if err != nil {
		return operate.Send{}, err
	}
	if !f.forged && !f.production {
		if err := b.notProduction("send", "show that the way works with --forged, which stores nothing"); err != nil {
			return operate.Send{}, err
		}
	}
	sender := b.sender()
	if f.forged {
		if f.secretFile != "" {
			return operate.Send{}, &operate.Advice{Err: errors.New("--forged and --secret-file are two secrets"), Do: "leave one of them out"}
		}
		wrong := nobodys("--forged")
		sender.Secret = &wrong
	}
	if f.secretFile != "" {
		text, err := p.ReadFile(f.secretFile)
		if err != nil {
			return operate.Send{}, fmt.Errorf("--secret-file: %w", err)
		}
		secret := auth.NewSecret("file", strings.TrimSpace(string(text)), true, "file "+f.secretFile)
		sender.Secret = &secret
	}
	var send operate.Send
	if f.url != "" && sender.Secret != nil && !b.has(source) {
		send, err = preparePack(b.Library, source, fixture, f.endpoint)
		send.Secret, send.SecretOf = *sender.Secret, sender.Secret.At
	} else {
		send, err = sender.Prepare(source, fixture, f.endpoint)
	}
	if err != nil {
		return operate.Send{}, err
	}
	if f.url != "" {
		if send.URL, err = address(f.url, source, send.Fixture.Endpoint); err != nil {
			return operate.Send{}, err
		}
	}
	if send.Expect = http.StatusOK; f.forged {
		send.Expect = http.StatusUnauthorized
	}
	send.Repeat, send.Rate, send.Vary = f.repeat, f.rate, f.vary
	send.Seed, send.Now = uint64(p.Now().UnixNano()), p.Now
	return send, nil
}

// notProduction refuses to make up payments where the configuration is that of production.
func (b *bridge) notProduction(command, instead string) error {
	if b.Config.Environment != config.Production {
		return nil
	}
	return &operate.Advice{
		Err: fmt.Errorf("%s: the configuration says environment: production, and made-up payments would be events there", command),
		Do:  instead + "; name another environment with --config; or say --into-production if its consumers are to see these payments",
	}
}

// nobodys is a secret that is well formed for any pack, and nobody's.
func nobodys(at string) auth.Secret {
	return auth.NewSecret("wrong", strings.Repeat("0badc0de", 8), true, at)
}

// preparePack sends a pack's fixture without any configured source.
func preparePack(lib *provider.Library, name, fixture, endpoint string) (operate.Send, error) {
	half, err := lib.Auth(name)
	if err != nil {
		return operate.Send{}, err
	}
	all, err := lib.Fixtures(name)
	if err != nil {
		return operate.Send{}, err
	}
	f, err := operate.ChooseFixture(all, fixture, func(f provider.Fixture) bool { return endpoint == "" || f.Endpoint == endpoint })
	return operate.Send{Source: name, Auth: half, Fixture: f, Events: func() (*provider.Events, error) { return lib.Events(name) }}, err
}

// address completes an address that has no path.
func address(text, source, endpoint string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", &operate.Advice{Err: fmt.Errorf("--url %q is not an address", text), Do: "write http://host:port or https://host/path"}
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = operate.WebhookPath(source, endpoint)
	}
	return u.String(), nil
}

// has says that a source is configured.
func (b *bridge) has(source string) bool {
	for _, s := range b.Config.Sources {
		if s.Name == source {
			return true
		}
	}
	return false
}

// known is an error where a source is neither configured nor stored.
func (b *bridge) known(ctx context.Context, js jetstream.JetStream, sources ...string) error {
	var configured []string
	for _, s := range b.Config.Sources {
		configured = append(configured, s.Name)
	}
	for _, source := range sources {
		if err := operate.KnownSource(ctx, js, configured, source); err != nil {
			return err
		}
	}
	return nil
}

// sender sends to the running `up`, else to where the configuration listens.
func (b *bridge) sender() operate.Sender {
	scheme := "http://"
	if b.Config.Ingress.TLS.Enabled() {
		scheme = "https://"
	}
	s := operate.Sender{Config: b.Config, Library: b.Library, Base: scheme + b.Config.Ingress.Listen}
	if b.Running != nil {
		s.Base = b.Running.Webhooks
	}
	return s
}

// fewLines is up to how many requests each has a line of its own.
const fewLines = 10

// send runs it and prints each answer, or their summary.
func (p *Program) send(ctx context.Context, send operate.Send, asJSON bool) (operate.Summary, error) {
	var summary operate.Summary
	start := p.Now()
	progress := p.progress("requests")
	err := send.Run(ctx, func(sent operate.Sent) {
		summary.Add(sent)
		progress(summary.Requests, send.Repeat)
		if !asJSON && send.Repeat <= fewLines && sent.Status != 0 {
			fmt.Fprintf(p.Stdout, "%d in %s  %s %s → %s\n", sent.Status, operate.Age(sent.Elapsed), send.Source, send.Fixture.Name, send.URL)
			if sent.Status == http.StatusUnauthorized && send.Expect == sent.Status {
				fmt.Fprintln(p.Stdout, "refused, as it has to be: the way to the source works, and nothing is stored")
			}
		}
	})
	summary.Finish(p.Now().Sub(start))
	if answered := summary.Requests - summary.Statuses["error"]; answered < send.Repeat && ctx.Err() != nil {
		// Not errInterrupted: the command as it was typed would send them all again.
		err = &operate.Advice{
			Err: fmt.Errorf("interrupted when %d of %d were answered", answered, send.Repeat),
			Do:  fmt.Sprintf("run it again, with --repeat %d for the rest", send.Repeat-answered),
		}
	}
	if asJSON {
		return summary, errors.Join(err, p.printJSON(summary))
	}
	if summary.Requests > 1 {
		p.printSummary(summary)
		if !send.Vary && send.Expect == http.StatusOK {
			fmt.Fprintln(p.Stdout, "all had the same bytes: a bridge stores the first and answers 200 to the others; --vary makes each a payment of its own")
		}
	}
	return summary, err
}

// printSummary is the last line of a run of several requests.
func (p *Program) printSummary(s operate.Summary) {
	var counts []string
	for _, status := range slices.Sorted(maps.Keys(s.Statuses)) {
		counts = append(counts, fmt.Sprintf("%d × %s", s.Statuses[status], status))
	}
	fmt.Fprintf(p.Stdout, "%d requests in %.2f s (%.0f a second): %s; p50 %.1f ms, p99 %.1f ms\n",
		s.Requests, s.Seconds, float64(s.Requests)/max(s.Seconds, 1e-9), strings.Join(counts, ", "), s.P50, s.P99)
}
