package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"paybridge/deploy/operate"
	"paybridge/schemas/provider"
)

// The flood of large bodies, and how much memory it may cost. All of the bodies
// together are far more.
const (
	floodBody   = 900 << 10
	floodMemory = 384 << 20
)

// numbers is how many senders attack: hundreds, or thousands in the whole siege.
func numbers(t *testing.T) (flood, slow int) {
	t.Helper()
	if !wholeSiege() {
		return 400, 100
	}
	raiseLimit(t, 10_000)
	return 5000, 2000
}

// wholeSiege says whether attacks come in their full numbers, as "make siege" has them.
func wholeSiege() bool { return os.Getenv("PAYBRIDGE_SIEGE") == "full" }

// raiseLimit lets this process, and those that it starts, have a number of file
// descriptors: each connection needs one here and one there.
func raiseLimit(t *testing.T, descriptors uint64) {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Cur = max(limit.Cur, descriptors); limit.Max < descriptors {
		limit.Max = descriptors
	}
	// Set here, it is the child's limit as well.
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatalf("%d file descriptors are needed: %v: raise ulimit -n", descriptors, err)
	}
}

// TestSecurityMemory has hundreds of senders at once that send a large body, but for
// its last byte, under a signature that is no signature (S-59), beside as many that
// trickle headers (S-56). It is a process of its own, so that what counts is what the
// kernel says of it. Good traffic gets its 200 meanwhile, and the flood nothing but
// refusals.
func TestSecurityMemory(t *testing.T) {
	senders, slow := numbers(t)
	library, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	s := &siege{t: t, library: library, errs: &tape{}, out: &tape{}, config: siegeConfig(t, library, nil)}
	up := s.spawn(filepath.Join(t.TempDir(), "data"))
	for i := range 20 { // what the first requests cost is not the flood's
		if got := s.raw(toPIK(payment(fmt.Sprint("warm-", i)))); got.status != 200 {
			t.Fatalf("answered %d", got.status)
		}
	}
	before := s.resident(up.Process.Pid, "VmRSS")
	trickled := s.trickle(slow)
	t.Cleanup(trickled) // where the test gives up
	body := strings.Repeat("x", floodBody)
	head := with("POST /webhooks/pik HTTP/1.1", "PIK-Signature: "+strings.Repeat("0", 64), fmt.Sprint("Content-Length: ", floodBody))
	finish := make(chan struct{})
	var flood sync.WaitGroup
	var mu sync.Mutex
	statuses := make(map[int]int)
	for range senders {
		c := s.dial()
		flood.Go(func() {
			defer c.Close()
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				if _, err := io.WriteString(c, head+body[1:]); err == nil {
					<-finish
					_, _ = io.WriteString(c, "x")
				}
			}()
			got, err := readReply(bufio.NewReader(c), "POST")
			mu.Lock()
			if err == nil {
				statuses[got.status]++
			}
			mu.Unlock()
			c.Close()
			<-sent
		})
	}
	slowest := time.Duration(0)
	for i := range 100 {
		began := time.Now()
		if got := s.raw(toPIK(payment(fmt.Sprint("good-", i)))); got.status != 200 {
			t.Errorf("good traffic is answered %d", got.status)
		}
		slowest = max(slowest, time.Since(began))
	}
	if slowest > 4*time.Second {
		t.Errorf("good traffic is answered after %v", slowest)
	}
	await(t, "some of the flood find no room", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return statuses[429] > 0
	})
	close(finish)
	flood.Wait()
	trickled()
	after := s.resident(up.Process.Pid, "VmHWM")
	t.Logf("%d bodies of 900 KiB and %d slow connections: %d MiB became %d MiB at most; answers %v; of 100 good requests, all 200, the slowest took %v",
		senders, slow, before>>20, after>>20, statuses, slowest)
	if after-before > floodMemory {
		t.Errorf("a flood of %d MiB costs %d MiB", senders*floodBody>>20, (after-before)>>20)
	}
	for status, n := range statuses {
		if status != 401 && status != 429 && status != 400 {
			t.Errorf("%d of the flood are answered %d", n, status)
		}
	}
	if statuses[401] == 0 || statuses[429] == 0 {
		t.Errorf("the flood is no flood: %v", statuses)
	}
	large := payment("large") + strings.Repeat(" ", floodBody)
	if got := s.raw(toPIK(large)); got.status != 200 {
		t.Errorf("afterwards a large body is answered %d", got.status)
	}
}

// trickle opens connections that send a byte of a header now and then, and open again
// when they are cut off, until the returned function is called.
func (s *siege) trickle(n int) (stop func()) {
	end := make(chan struct{})
	var all sync.WaitGroup
	address := strings.TrimPrefix(s.at.Webhooks, "http://")
	for range n {
		all.Go(func() {
			for {
				c, err := net.DialTimeout("tcp", address, siegePatience)
				if err != nil {
					s.t.Error(err)
					return
				}
				_, err = io.WriteString(c, "POST /webhooks/pik HTTP/1.1\r\nHost: b\r\nX-Slow: ")
				tick := time.NewTicker(500 * time.Millisecond)
				for err == nil {
					select {
					case <-end:
						tick.Stop()
						c.Close()
						return
					case <-tick.C:
						_, err = io.WriteString(c, "x")
					}
				}
				tick.Stop()
				c.Close()
			}
		})
	}
	return sync.OnceFunc(func() { close(end); all.Wait() })
}

// spawn runs `paybridge up` as a process of its own until the test ends, with further
// variables of the environment, and waits until it is ready.
func (s *siege) spawn(data string, environment ...string) *exec.Cmd {
	s.t.Helper()
	up := exec.Command("paybridge", "up", "--config", s.config, "--data", data) // TestMain put it into the path
	up.Env = append(os.Environ(), environment...)
	up.Stdout, up.Stderr = s.out, s.errs
	if err := up.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := up.Process.Signal(syscall.SIGTERM); err != nil {
			s.t.Error(err)
		}
		if err := up.Wait(); err != nil {
			s.t.Errorf("%v:\n%s", err, s.errs)
		}
	})
	await(s.t, "ready", func() bool {
		var ok bool
		var err error
		s.at, ok, err = operate.Folder{Path: data}.Running()
		return err == nil && ok
	})
	return up
}

// resident is one of the kernel's figures on a process's memory, in bytes.
func (s *siege) resident(pid int, figure string) int {
	s.t.Helper()
	n, err := memoryOf(pid, figure)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// memoryOf is one of the kernel's figures on a process's memory, in bytes.
func memoryOf(pid int, figure string) (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, rest, found := strings.Cut(string(text), figure+":")
	if !found {
		return 0, fmt.Errorf("process %d has no %s", pid, figure)
	}
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	return n << 10, err
}
