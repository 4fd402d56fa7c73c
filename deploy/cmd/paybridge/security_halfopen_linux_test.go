package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"paybridge/schemas/provider"
)

// beginning is how a handshake, or what follows it, begins and does not go on.
type beginning struct {
	name  string
	shake bool // the handshake comes to its end
	text  string
}

// beginnings are nothing, half a hello, most of what a hello may have, of one that claims
// to have eight times that, and most of a record.
var beginnings = []beginning{
	{"nothing", false, ""},
	{"half a hello", false, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 240)},
	{"a long hello", false, "\x16\x03\x01\x1f\x00\x01\x01\x00\x00" + strings.Repeat("\x00", 0x1f00-4)},
	{"a handshake and most of a record", true, "\x17\x03\x03\x40\x00" + strings.Repeat("\x00", 0x3f00)},
}

const (
	// halfOpenTime bounds how long half a handshake stays open; the listener gives one
	// five seconds.
	halfOpenTime = 8 * time.Second
	// halfOpenGood bounds the answer to good traffic that has to find a place beside them:
	// less than it takes until half a handshake is given up.
	halfOpenGood = 3 * time.Second
	// halfOpenMemory bounds what the process has in all: what the units of deploy/systemd and
	// deploy/kubernetes allow an ingress.
	halfOpenMemory = 512 << 20
)

// halfOpen is how many handshakes are left half open, of each sort: hundreds, all sorts at
// once, or in the whole siege ten thousand, one sort after the other. That is more than
// the listener has places.
func halfOpen(t *testing.T) (waves [][]beginning, each int) {
	t.Helper()
	if !wholeSiege() {
		return [][]beginning{beginnings}, 150
	}
	raiseLimit(t, 12_000)
	for _, b := range beginnings {
		waves = append(waves, []beginning{b})
	}
	return waves, 10_000
}

// TestSecurityHalfOpen leaves thousands of handshakes half open (S-90). The process is one
// of its own: what counts is what the kernel says of it. It closes each in time, its
// memory is bounded, and good traffic is answered meanwhile.
func TestSecurityHalfOpen(t *testing.T) {
	waves, each := halfOpen(t)
	if !wholeSiege() {
		t.Parallel()
	}
	library, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	change, pool := fortified(t, nil)
	s := &siege{t: t, library: library, errs: &tape{}, out: &tape{}, config: siegeConfig(t, library, change)}
	up := s.spawn(filepath.Join(t.TempDir(), "data"), "GOMEMLIMIT=256MiB") // as an ingress sets itself
	good := &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}
	s.beside(good, halfOpenGood)() // what the first requests cost
	before := s.resident(up.Process.Pid, "VmRSS")
	for i, wave := range waves {
		stop := s.beside(good, halfOpenGood)
		var all sync.WaitGroup
		shaking := make(chan struct{}, 16) // the machine is not to be busy with the attack alone
		ended := make(chan time.Duration, len(wave)*each)
		for n := range len(wave) * each {
			shaking <- struct{}{}
			c, begin := s.dialFrom(n/2500+10*i), wave[n%len(wave)]
			all.Go(func() {
				defer c.Close()
				began := time.Now()
				if begin.shake {
					_ = tls.Client(c, good).Handshake() // it may be cut off
				}
				_, _ = io.WriteString(c, begin.text)
				<-shaking
				_, _ = io.Copy(io.Discard, c)
				ended <- time.Since(began)
			})
		}
		all.Wait()
		close(ended)
		longest := time.Duration(0)
		for took := range ended {
			longest = max(longest, took)
		}
		if stop(); longest > halfOpenTime {
			t.Errorf("half a handshake is closed after %v", longest)
		}
		t.Logf("%d half open (%s first): the last is closed after %v; %d MiB became %d MiB at most",
			cap(ended), wave[0].name, longest, before>>20, s.resident(up.Process.Pid, "VmHWM")>>20)
	}
	if most := s.resident(up.Process.Pid, "VmHWM"); most > halfOpenMemory {
		t.Errorf("half open handshakes cost %d MiB", (most-before)>>20)
	}
	s.checkLog()
}

// dialFrom is dial from one of several addresses of this machine, each of which has as
// many ports as there are.
func (s *siege) dialFrom(address int) net.Conn {
	s.t.Helper()
	dialer := net.Dialer{Timeout: siegePatience, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+address))}}
	_, host, _ := strings.Cut(s.at.Webhooks, "://")
	c, err := dialer.Dial("tcp", host)
	if err != nil {
		s.t.Fatal(fmt.Errorf("from address %d: %w", address, err))
	}
	if err := c.SetDeadline(time.Now().Add(siegePatience)); err != nil {
		s.t.Fatal(err)
	}
	return c
}
