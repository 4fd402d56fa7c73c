package operate

import (
	"strings"

	"paybridge/config"
	"paybridge/schemas/provider"
)

// Webhook is what to register at a provider for one endpoint of a source.
type Webhook struct {
	Source   string   `json:"source"`
	Endpoint string   `json:"endpoint,omitempty"`
	Provider string   `json:"provider"`
	URL      string   `json:"url"`
	Signs    string   `json:"signs"`
	Secrets  []Secret `json:"secrets"`
	Docs     []string `json:"docs"`
}

// Secret says where a secret is, never what it is.
type Secret struct {
	ID   string `json:"id"`
	From string `json:"from"`
	Set  bool   `json:"set"`
}

// Webhooks lists what to register, source by source. public is what providers see
// before the path ("https://pay.example.com"), for sources that do not say their url.
func Webhooks(c *config.Config, lib *provider.Library, public string) ([]Webhook, error) {
	var all []Webhook
	for _, s := range c.Sources {
		half, err := lib.Auth(s.Provider)
		if err != nil {
			return nil, err
		}
		about, err := lib.About(s.Provider)
		if err != nil {
			return nil, err
		}
		endpoints := s.Endpoints
		if len(endpoints) == 0 {
			endpoints = []config.Endpoint{{URL: s.URL, Secrets: s.Secrets}}
		}
		for _, e := range endpoints {
			w := Webhook{
				Source: s.Name, Endpoint: e.Name, Provider: s.Provider, URL: e.URL,
				Signs: AuthText(half), Docs: about.Docs,
			}
			if w.URL == "" {
				w.URL = strings.TrimSuffix(public, "/") + WebhookPath(s.Name, e.Name)
			}
			for _, secret := range e.Secrets {
				w.Secrets = append(w.Secrets, Secret{ID: secret.ID, From: secret.From, Set: !secret.Missing()})
			}
			all = append(all, w)
		}
	}
	return all, nil
}
