package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"paybridge/config"
	topology "paybridge/deploy/jetstream"
)

// The sync settings that are measured, as rows name them.
const (
	syncAlways   = "always"
	syncInterval = "interval" // the server's default, two minutes
	syncSlow     = "2 ms"     // always, on a disk that takes as long
)

// The streams that the hand-written programs write.
const (
	bridgeStream, bridgeSubject = "BENCH_BRIDGE", "bench.bridge"
	copyStream, copySubject     = "BENCH_COPY", "bench.copy"
)

// benchSecret signs every webhook of a run, sealSecret seals every delivery. They
// guard nothing: the programs listen on loopback for the length of a run.
const (
	benchSecret = "bench-webhook-secret-0123456789"
	sealSecret  = "bench-seal-secret-0123456789abcd"
)

// bus is a running nats-server with paybridge's streams and the benchmark's own.
type bus struct {
	*process
	dir     string // where the server stores
	keep    bool   // it stays when the server stops
	sources int
	streams config.Streams
	address string
	url     string
	config  string    // paybridge.yaml of this run
	door    string    // address of the ingress
	admins  [2]string // of the ingress and the normalizer
	conn    *nats.Conn
	js      jetstream.JetStream
}

// startBus starts an empty bus, which leaves nothing behind.
func startBus(ctx context.Context, programs binaries, sync string) (*bus, error) {
	dir, err := os.MkdirTemp(programs.dir, "store-")
	if err != nil {
		return nil, err
	}
	b := &bus{dir: dir, sources: 1}
	if err := b.serve(ctx, programs, sync); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := b.prepare(ctx, programs); err != nil {
		b.stop()
		return nil, err
	}
	return b, nil
}

// serve starts the server on what is in its folder, and returns when its streams
// answer.
func (b *bus) serve(ctx context.Context, programs binaries, sync string) (err error) {
	if b.address == "" { // it stays: the programs' configuration names it
		if b.address, err = freeAddress(); err != nil {
			return err
		}
	}
	host, port, err := net.SplitHostPort(b.address)
	if err != nil {
		return err
	}
	interval := syncAlways
	if sync == syncInterval {
		interval = `"2m"`
	}
	settings := fmt.Sprintf("host: %q\nport: %s\nmax_payload: 1100000\njetstream { store_dir: %q, max_file_store: 200GB, sync_interval: %s }\n", host, port, b.dir, interval)
	file := filepath.Join(b.dir, "nats.conf")
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		return err
	}
	command := []string{programs.path("nats-server"), "-c", file}
	if sync == syncSlow {
		if command, err = slowed(command); err != nil {
			return err
		}
	}
	if b.process, err = programs.start("nats-server", command[0], command[1:]...); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			b.process.stop()
		}
	}()
	if err := until(ctx, "the server, which reads every id of its duplicate windows first", b.answers); err != nil {
		return errors.Join(err, b.complaint())
	}
	b.url = "nats://" + b.address
	if b.conn, err = nats.Connect(b.url); err != nil {
		return err
	}
	if b.js, err = jetstream.New(b.conn, jetstream.WithPublishAsyncMaxPending(inFlight)); err != nil {
		return err
	}
	// JetStream answers when it has read all streams.
	return until(ctx, "JetStream", func() bool { _, err := b.js.AccountInfo(ctx); return err == nil })
}

// answers says whether somebody listens.
func (b *bus) answers() bool {
	conn, err := net.Dial("tcp", b.address)
	return err == nil && conn.Close() == nil
}

// slowed is command under strace, which delays each sync of the disk by 2 ms and
// stops the server for nothing else. The server stays this process's own child.
func slowed(command []string) ([]string, error) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		return nil, fmt.Errorf("a slow disk is played by strace: apt-get install strace, or leave the row out with -only (%w)", err)
	}
	return append([]string{
		strace, "-D", "-f", "--seccomp-bpf", "-qq", "-o", os.DevNull,
		"-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:delay_exit=2000", "--",
	}, command...), nil
}

// stop ends the server and removes what it has stored, unless it is to be kept.
func (b *bus) stop() {
	b.conn.Close()
	b.process.stop()
	if !b.keep {
		os.RemoveAll(b.dir)
	}
}

// prepare writes the configuration of this run and creates the streams.
func (b *bus) prepare(ctx context.Context, programs binaries) error {
	for i := range b.admins {
		var err error
		if b.admins[i], err = freeAddress(); err != nil {
			return err
		}
	}
	var err error
	if b.door, err = freeAddress(); err != nil {
		return err
	}
	b.config = filepath.Join(b.dir, "paybridge.yaml")
	var sources strings.Builder
	for i := range b.sources {
		fmt.Fprintf(&sources, "  - {name: %s, provider: pik, secrets: [{id: bench, value: SECRET}]}\n", sourceName(i))
	}
	text := strings.NewReplacer("DOOR", b.door, "ADMIN1", b.admins[0], "ADMIN2", b.admins[1], "NATS", b.url,
		"SEAL", sealSecret, "SECRET", benchSecret).Replace(benchConfig + sources.String())
	if err := os.WriteFile(b.config, []byte(text), 0o600); err != nil {
		return err
	}
	cfg, err := config.Load(b.config)
	if err != nil {
		return err
	}
	b.streams = cfg.Streams
	if _, err := topology.Apply(ctx, b.js, cfg.Streams); err != nil {
		return err
	}
	for name, subject := range map[string]string{bridgeStream: bridgeSubject, copyStream: copySubject} {
		if _, err := b.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: name, Subjects: []string{subject}, Storage: jetstream.FileStorage}); err != nil {
			return err
		}
	}
	return nil
}

const benchConfig = `ingress: {listen: DOOR, admin: ADMIN1}
normalizer: {admin: ADMIN2}
nats: {url: NATS}
seal: {keys: [{id: k1, value: SEAL}]}
streams: {webhooks: {max_bytes: 50GiB}, payments: {max_bytes: 50GiB}, deadletters: {max_bytes: 1GiB}}
sources:
`

// last is a stream's last sequence.
func (b *bus) last(ctx context.Context, stream string) (uint64, error) {
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return 0, err
	}
	return s.CachedInfo().State.LastSeq, nil
}

// reach waits until a stream holds sequence and returns the last one that it holds.
func (b *bus) reach(ctx context.Context, stream string, sequence uint64) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		last, err := b.last(ctx, stream)
		if err != nil {
			return 0, fmt.Errorf("waiting for message %d of %s: %w", sequence, stream, err)
		}
		if last >= sequence {
			return last, nil
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("%s stands at %d of %d", stream, last, sequence)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// between is the time between the server's stamps of two messages.
func (b *bus) between(ctx context.Context, stream string, first, last uint64) (time.Duration, error) {
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return 0, err
	}
	begin, err := s.GetMsg(ctx, first)
	if err != nil {
		return 0, err
	}
	end, err := s.GetMsg(ctx, last)
	if err != nil {
		return 0, err
	}
	return end.Time.Sub(begin.Time), nil
}
