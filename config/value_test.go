package config_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"paybridge/config"
)

func TestSizes(t *testing.T) {
	for text, want := range map[string]config.Size{
		"1": 1, "1B": 1, "960KiB": 983040, "960 KiB": 983040, "1MiB": 1 << 20, "2MB": 2_000_000, "3kb": 3000, "4mib": 4 << 20,
	} {
		if got := mustParse(t, world{}, "ingress: {max_body: "+text+"}").Ingress.MaxBody; got != want {
			t.Errorf("%s is %d, want %d", text, got, want)
		}
	}
	for size, want := range map[config.Size]string{0: "0B", 1: "1B", 1000: "1000B", 1024: "1KiB", 960 * config.KiB: "960KiB", 1088 << 10: "1088KiB", 3 * config.TiB: "3TiB"} {
		if size.String() != want {
			t.Errorf("%d is %v, want %s", int64(size), size, want)
		}
	}
}

// What a size prints as is read as that size.
func TestSizesRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		size := config.Size(rapid.Int64Range(1, int64(32*config.MiB)).Draw(rt, "size"))
		c, err := world{}.parse(fmt.Sprintf("ingress: {max_body: %v}", size))
		if err != nil || c.Ingress.MaxBody != size {
			rt.Errorf("%v: %v", size, err)
		}
	})
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"48h": 48 * time.Hour, "49d": 49 * 24 * time.Hour, "50d12h30m": 50*24*time.Hour + 12*time.Hour + 30*time.Minute, "1000h0m0s": 1000 * time.Hour,
	} {
		text = "streams: {webhooks: {max_age: " + text + "}, payments: {max_age: 90d}}"
		if got := mustParse(t, world{}, text).Streams.Webhooks.MaxAge; got != want {
			t.Errorf("%s is %v, want %v", text, got, want)
		}
	}
}

func TestAddresses(t *testing.T) {
	for _, text := range []string{":0", "127.0.0.1:0", "[::1]:443", "[fe80::1%eth0]:1", "localhost:1", "ingress.internal:65535", "my_host:1"} {
		if got := mustParse(t, world{}, "ingress: {listen: '"+text+"'}").Ingress.Listen; got != text {
			t.Errorf("%s is %s", text, got)
		}
	}
}

// Listeners may share port 0, which is never the same port twice, and one port of
// two addresses.
func TestListenersThatDoNotCollide(t *testing.T) {
	for _, text := range []string{
		"ingress: {listen: ':0', admin: ':0'}",
		"ingress: {listen: '10.0.0.1:80', admin: '10.0.0.2:80'}",
		"ingress: {admin: '127.0.0.1:9091'}",
	} {
		mustParse(t, world{}, text)
	}
	for _, text := range []string{
		"ingress: {listen: '10.0.0.1:80', admin: '0.0.0.0:80'}",
		"ingress: {listen: '[::]:80', admin: '10.0.0.2:80'}",
		"ingress: {listen: 'a:80', admin: 'a:80'}",
	} {
		if _, err := (world{}).parse(text); err == nil {
			t.Errorf("%s: accepted", text)
		}
	}
}

func TestServers(t *testing.T) {
	for text, want := range map[string]string{
		"nats://a:4222":    "nats://a:4222",
		"a:4222":           "nats://a:4222",
		"a":                "nats://a",
		"tls://a, b:1,c/":  "tls://a,nats://b:1,nats://c/",
		"nats://[::1]:422": "nats://[::1]:422",
	} {
		if got := mustParse(t, world{}, "nats: {url: '"+text+"'}").NATS.URL; got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}
