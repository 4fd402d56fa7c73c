package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/config"
	"paybridge/deploy/jetstream"
)

// runBus is a program of this test binary: a nats-server on a port and a folder. It says when it is ready and runs until it is killed.
func runBus() {
	options := &server.Options{Host: "127.0.0.1", NoLog: true, NoSigs: true, JetStream: true, StoreDir: os.Args[2], SyncAlways: true}
	if _, err := fmt.Sscan(os.Args[1], &options.Port); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	s, err := server.NewServer(options)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	s.Start()
	if !s.ReadyForConnections(siegePatience) {
		os.Exit(1)
	}
	fmt.Println(s.Addr().(*net.TCPAddr).Port)
	s.WaitForShutdown()
}

// bus is a nats-server in a process of its own, with the topology.
type bus struct {
	t      *testing.T
	url    string
	port   string
	folder string
	cmd    *exec.Cmd
}

// startBus starts one that is killed at the latest when the test ends.
func startBus(t *testing.T) *bus {
	t.Helper()
	b := &bus{t: t, port: "-1", folder: t.TempDir()}
	b.start()
	t.Cleanup(b.kill)
	js, err := natsjs.New(b.conn(t))
	if err != nil {
		t.Fatal(err)
	}
	streams := config.Default().Streams
	for _, own := range []*config.Stream{&streams.Webhooks, &streams.Payments, &streams.DeadLetters} {
		own.MaxBytes = 64 * config.MiB
	}
	if _, err := jetstream.Apply(t.Context(), js, streams); err != nil {
		t.Fatal(err)
	}
	// An ack that dies with the process is missed after this long, not after 30 s.
	consumer, err := js.Consumer(t.Context(), jetstream.Webhooks, jetstream.Normalizer)
	if err != nil {
		t.Fatal(err)
	}
	settings := consumer.CachedInfo().Config
	settings.AckWait = 2 * time.Second
	if _, err := js.UpdateConsumer(t.Context(), jetstream.Webhooks, settings); err != nil {
		t.Fatal(err)
	}
	return b
}

// start starts the process, on the same port and folder every time.
func (b *bus) start() {
	b.t.Helper()
	b.cmd = exec.Command("bus-of-the-tests", b.port, b.folder)
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.t.Fatalf("the bus: %q, %v", line, err)
	}
	b.port = strings.TrimSpace(line)
	b.url = "nats://127.0.0.1:" + b.port
}

// kill ends the process with SIGKILL: nothing is flushed, nobody says goodbye.
func (b *bus) kill() {
	if b.cmd.ProcessState == nil {
		_ = b.cmd.Process.Kill()
		_ = b.cmd.Wait() // how it ended is known
	}
}

// conn is a connection of the test's own, which finds its way back.
func (b *bus) conn(t *testing.T) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(b.url, nats.MaxReconnects(-1), nats.ReconnectBufSize(-1), nats.ReconnectWait(20*time.Millisecond), nats.ReconnectJitter(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}
