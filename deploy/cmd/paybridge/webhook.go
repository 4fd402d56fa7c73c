package main

import (
	"fmt"
	"net/url"
	"slices"

	"github.com/spf13/cobra"

	"paybridge/deploy/operate"
)

// webhookCommand is `webhook`.
func (p *Program) webhookCommand() *cobra.Command {
	var pl place
	var asJSON bool
	var public string
	cmd := &cobra.Command{
		Use:   "webhook [SOURCE]",
		Short: "what to register at each provider: the URL, and how it signs",
		Long: `Prints, for every source or one, the URL to register, how the provider signs, and
where the secret is (never the secret). --public is what providers see before the
path; without it, a source's own url or the local listener stands there.`,
		Example: "  paybridge webhook --public https://pay.example.com\n  paybridge webhook pik --json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := publicAddress(public); err != nil {
				return err
			}
			b, err := p.find(pl)
			if err != nil {
				return err
			}
			if public == "" {
				public = b.sender().Base
			}
			all, err := operate.Webhooks(b.Config, b.Library, public)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				if !b.has(args[0]) {
					_, err := b.sender().Prepare(args[0], "", "")
					return err
				}
				all = slices.DeleteFunc(all, func(w operate.Webhook) bool { return w.Source != args[0] })
			}
			if asJSON {
				return p.printJSON(notNil(all))
			}
			for _, w := range all {
				p.printWebhook(w)
			}
			return nil
		},
	}
	pl.flags(cmd)
	jsonFlag(cmd, &asJSON)
	cmd.Flags().StringVar(&public, "public", "", "scheme and host that providers see, such as https://pay.example.com")
	return cmd
}

// publicAddress refuses a --public that no provider could post to; "" is left out.
func publicAddress(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return &operate.Advice{Err: fmt.Errorf("--public %q is no address that a provider could post to", text), Do: "write scheme and host, such as https://pay.example.com"}
	}
	return nil
}

// printWebhook prints what a provider's settings page asks for.
func (p *Program) printWebhook(w operate.Webhook) {
	fmt.Fprintf(p.Stdout, "%s\n  provider %s; %s\n", w.URL, w.Provider, w.Signs)
	for _, s := range w.Secrets {
		set := "set"
		if !s.Set {
			set = "NOT SET"
		}
		fmt.Fprintf(p.Stdout, "  secret %s: %s (%s)\n", s.ID, s.From, set)
	}
	for _, doc := range w.Docs {
		fmt.Fprintf(p.Stdout, "  %s\n", doc)
	}
}
