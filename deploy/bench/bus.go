package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
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
	dir    string // where the server stores
	url    string
	config string    // paybridge.yaml of this run
	door   string    // address of the ingress
	admins [2]string // of the ingress and the normalizer
	conn   *nats.Conn
	js     jetstream.JetStream
}

func startBus(ctx context.Context, programs binaries, sync string) (_ *bus, err error) {
	b := &bus{}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if b.dir, err = os.MkdirTemp(programs.dir, "store-"); err != nil {
		return nil, err
	}
	interval := syncAlways
	if sync == syncInterval {
		interval = "2m"
	}
	settings := fmt.Sprintf("host: %q\nport: %s\nmax_payload: 1100000\njetstream { store_dir: %q, max_file_store: 30GB, sync_interval: %s }\n", host, port, b.dir, interval)
	file := programs.path("nats.conf")
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		return nil, err
	}
	command := []string{programs.path("nats-server"), "-c", file}
	if sync == syncSlow {
		if command, err = slowed(command); err != nil {
			return nil, err
		}
	}
	if b.process, err = programs.start("nats-server", command[0], command[1:]...); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			b.stop()
		}
	}()
	if err := b.listening(ctx, address); err != nil {
		return nil, err
	}
	b.url = "nats://" + address
	if b.conn, err = nats.Connect(b.url); err != nil {
		return nil, err
	}
	if b.js, err = jetstream.New(b.conn, jetstream.WithPublishAsyncMaxPending(inFlight)); err != nil {
		return nil, err
	}
	return b, b.prepare(ctx, programs)
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

// stop ends the server and removes what it has stored.
func (b *bus) stop() {
	if b.conn != nil {
		b.conn.Close()
	}
	b.process.stop()
	os.RemoveAll(b.dir)
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
	b.config = programs.path("paybridge.yaml")
	text := strings.NewReplacer("DOOR", b.door, "ADMIN1", b.admins[0], "ADMIN2", b.admins[1], "NATS", b.url,
		"SEAL", sealSecret, "SECRET", benchSecret).Replace(benchConfig)
	if err := os.WriteFile(b.config, []byte(text), 0o600); err != nil {
		return err
	}
	cfg, err := config.Load(b.config)
	if err != nil {
		return err
	}
	if _, err := topology.Apply(ctx, b.js, cfg.Streams); err != nil {
		return err
	}
	for name, subject := range map[string]string{bridgeStream: bridgeSubject, copyStream: copySubject} {
		if _, err := b.js.CreateStream(ctx, jetstream.StreamConfig{Name: name, Subjects: []string{subject}, Storage: jetstream.FileStorage}); err != nil {
			return err
		}
	}
	return nil
}

const benchConfig = `ingress: {listen: DOOR, admin: ADMIN1}
normalizer: {admin: ADMIN2}
nats: {url: NATS}
seal: {keys: [{id: k1, value: SEAL}]}
sources:
  - {name: pik, provider: pik, secrets: [{id: bench, value: SECRET}]}
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
