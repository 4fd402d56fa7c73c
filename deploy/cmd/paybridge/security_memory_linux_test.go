package main

import (
	"bufio"
	"fmt"
	"io"
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
	floodSenders = 500
	floodBody    = 900 << 10
	floodMemory  = 200 << 20
)

// TestSecurityMemory has hundreds of senders at once that send a large body, but for
// its last byte, under a signature that is no signature (S-59). It is a process of
// its own, so that what counts is what the kernel says of it. Good traffic gets its
// 200 meanwhile, and the flood nothing but refusals.
func TestSecurityMemory(t *testing.T) {
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
	body := strings.Repeat("x", floodBody)
	head := with("POST /webhooks/pik HTTP/1.1", "PIK-Signature: "+strings.Repeat("0", 64), fmt.Sprint("Content-Length: ", floodBody))
	finish := make(chan struct{})
	var flood sync.WaitGroup
	var mu sync.Mutex
	statuses := make(map[int]int)
	for range floodSenders {
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
			c.Close()
			<-sent
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				statuses[got.status]++
			}
		})
	}
	for i := range 100 {
		began := time.Now()
		if got := s.raw(toPIK(payment(fmt.Sprint("good-", i)))); got.status != 200 {
			t.Errorf("good traffic is answered %d", got.status)
		}
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("good traffic is answered after %v", took)
		}
	}
	close(finish)
	flood.Wait()
	after := s.resident(up.Process.Pid, "VmHWM")
	t.Logf("%d MiB became %d MiB at most; answers %v", before>>20, after>>20, statuses)
	if after-before > floodMemory {
		t.Errorf("a flood of %d MiB costs %d MiB", floodSenders*floodBody>>20, (after-before)>>20)
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

// spawn runs `paybridge up` as a process of its own until the test ends, and waits
// until it is ready.
func (s *siege) spawn(data string) *exec.Cmd {
	s.t.Helper()
	up := exec.Command("paybridge", "up", "--config", s.config, "--data", data) // TestMain put it into the path
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
