package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// binaries are the programs that take part, built once into a folder.
type binaries struct{ dir, self string }

// build compiles the two production programs and the nats-server that the tools
// module pins.
func build(ctx context.Context, dir string) (binaries, error) {
	self, err := os.Executable()
	if err != nil {
		return binaries{}, err
	}
	for _, args := range [][]string{
		{"build", "-o", dir, "./deploy/cmd/ingress", "./deploy/cmd/normalizer"},
		{"build", "-modfile=deploy/tools/go.mod", "-o", filepath.Join(dir, "nats-server"), "github.com/nats-io/nats-server/v2"},
	} {
		cmd := exec.CommandContext(ctx, "go", args...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return binaries{}, fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	return binaries{dir: dir, self: self}, nil
}

func (b binaries) path(name string) string { return filepath.Join(b.dir, name) }

// process is one running program.
type process struct {
	name string
	cmd  *exec.Cmd
	log  string
	heap heap
}

// start runs a program; what it prints goes to a file in the folder until it stops.
func (b binaries) start(name, program string, args ...string) (*process, error) {
	log, err := os.CreateTemp(b.dir, name+"-*.log")
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), tracing)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &process{name: name, cmd: cmd, log: log.Name()}, nil
}

// stderrOf is what a program that ran to its end said about its failure.
func stderrOf(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return strings.TrimSpace(string(exit.Stderr))
	}
	return ""
}

// written has the system write out what earlier turns have left in its cache, so that
// no program pays for another's. Where there is no such command, each turn has to take
// what it finds; turns alternate.
func written(ctx context.Context) { _ = exec.CommandContext(ctx, "sync").Run() }

// stop ends the program and waits for it.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	_ = p.cmd.Wait()
	_ = os.Remove(p.log)
}

// usage is what a program has used so far.
type usage struct {
	cpu       time.Duration
	now, peak float64 // MiB of memory
	allocated float64 // bytes on the heap
}

// clockTick is the kernel's unit of a process's CPU time in /proc; 100 a second on
// every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

func (p *process) usage() (usage, error) {
	dir := filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid))
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return usage{}, err
	}
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return usage{}, err
	}
	var u usage
	// Fields count from behind the command's name, which may hold spaces.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) > 12 {
		user, _ := strconv.ParseInt(fields[11], 10, 64)
		system, _ := strconv.ParseInt(fields[12], 10, 64)
		u.cpu = time.Duration(user+system) * clockTick
	}
	for line := range strings.Lines(string(status)) {
		name, rest, _ := strings.Cut(line, ":")
		kib, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
		switch name {
		case "VmRSS":
			u.now = kib / 1024
		case "VmHWM":
			u.peak = kib / 1024
		}
	}
	u.allocated, err = p.allocated()
	return u, err
}

// freeAddress is a loopback address that nobody listens on just now.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// listening waits until somebody accepts connections at address.
func (p *process) listening(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("%s does not listen on %s", p.name, address), p.complaint())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// complaint is what the program printed first, but for what it was told to trace.
func (p *process) complaint() error {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err
	}
	var said strings.Builder
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "gc ") && said.Len() < 2048 {
			said.WriteString(line)
		}
	}
	if said.Len() == 0 {
		return fmt.Errorf("%s printed nothing", p.name)
	}
	return fmt.Errorf("%s printed: %s", p.name, strings.TrimSpace(said.String()))
}
