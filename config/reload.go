package config

import (
	"cmp"
	"context"
	"errors"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// Loader reads a configuration anew, every file through readFile. Its error is
// Problems, or that of reading a file.
type Loader func(readFile func(name string) ([]byte, error)) (*Config, error)

// FromFile loads the file at path, with secrets from the environment and from files.
// The judges are Parse's.
func FromFile(path string, judges ...Judge) Loader {
	return func(readFile func(string) ([]byte, error)) (*Config, error) {
		data, err := readFile(path)
		if err != nil {
			return nil, err
		}
		return Parse(path, data, os.LookupEnv, readFile, judges...)
	}
}

// Part is a running part of a program that takes a changed configuration over.
type Part struct {
	// Stage orders the parts: the highest takes over first. Who reads what
	// another part writes has a higher one, and so knows a source before its
	// first delivery comes.
	Stage int
	// Reads are the sections that the part reads: "ingress", "nats". A setting
	// of theirs that cannot change while it runs is named as needing a restart.
	Reads []string
	// Prepare reads and compiles everything, and changes nothing yet. Its error
	// says everything that is wrong, in Problems where it can.
	Prepare func(*Config) (Prepared, error)
}

// Prepared is what a part would put in force. One of the two is called, once.
type Prepared struct {
	Commit  func() error // all or nothing
	Discard func()       // another part refuses; may be nil
}

// Reloader takes a changed configuration over while the program runs: when one of
// its files has changed and then rested for a moment, or at a SIGHUP. All parts
// prepare it before any puts it in force. One that is refused changes nothing, is
// logged once with everything that is wrong, and is tried again when a file changes.
//
// Load first, then Start; parts join when they run.
type Reloader struct {
	Version string           // of the program, for its first log line and paybridge_build_info
	Parts   int              // how many parts join before anything is reloaded; 0 means 1
	Every   time.Duration    // how often the files are looked at; 0 means a second
	Now     func() time.Time // the clock of the metric; nil means time.Now

	load Loader
	log  *zap.Logger

	results *prometheus.CounterVec
	success prometheus.Gauge

	started, applied *Config // what the program started with; what is in force
	files            watched
	seen             snapshot // when files were read last

	mu    sync.Mutex
	parts []Part
}

// NewReloader makes a reloader of what load reads.
func NewReloader(load Loader, log *zap.Logger) *Reloader {
	return &Reloader{
		load: load, log: log,
		results: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "paybridge_config_reloads_total",
			Help: "Changed configurations, by result: ok, or rejected, after which the old one stays in force.",
		}, []string{"result"}),
		success: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "paybridge_config_last_reload_success_timestamp_seconds",
			Help: "When the configuration in force was read, Unix time.",
		}),
	}
}

// Load reads the configuration that the program starts with, and logs what starts
// with what.
func (r *Reloader) Load() (*Config, error) {
	c, err := r.read()
	if err != nil {
		return nil, err
	}
	r.started, r.applied = c, c
	r.succeeded()
	r.log.Info("starting", zap.String("version", r.Version), zap.String("go", runtime.Version()), zap.Int("pid", os.Getpid()),
		zap.String("config", c.File), zap.String("fingerprint", c.Fingerprint), zap.Int("sources", len(c.Sources)))
	return c, nil
}

// Join has a part take changes over from now on, and registers the metrics of the
// reloader and of the process, once for all parts that share a registry.
func (r *Reloader) Join(p Part, metrics prometheus.Registerer) error {
	for _, c := range append(processMetrics(r.Version), r.results, r.success) {
		if err := metrics.Register(c); err != nil && !errors.As(err, &prometheus.AlreadyRegisteredError{}) {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.parts = append(r.parts, p)
	slices.SortStableFunc(r.parts, func(a, b Part) int { return cmp.Compare(b.Stage, a.Stage) })
	return nil
}

// Start watches files and SIGHUP until stop is called, which returns when the watch
// has ended. The configuration has been loaded.
func (r *Reloader) Start() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	done := make(chan struct{})
	go func() { defer close(done); r.watch(ctx, hangups) }()
	return func() { cancel(); <-done; signal.Stop(hangups) }
}

// watch is Start's goroutine.
func (r *Reloader) watch(ctx context.Context, hangups <-chan os.Signal) {
	every := time.NewTicker(cmp.Or(r.Every, time.Second))
	defer every.Stop()
	asked := false
	last := r.seen
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			asked = true
		case <-every.C:
		}
		parts := r.joined()
		if len(parts) < max(r.Parts, 1) {
			continue
		}
		now := r.files.look()
		changed := r.seen.changed(now)
		// A file that changes still is half written: it is read when it rests.
		resting := len(last.changed(now)) == 0
		last = now
		if asked || len(changed) > 0 && resting {
			asked = false
			r.reload(parts, changed)
			last = r.seen
		}
	}
}

func (r *Reloader) joined() []Part {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.parts)
}

// reload is one attempt, from the files to the log line.
func (r *Reloader) reload(parts []Part, files []string) {
	next, err := r.read()
	if err == nil {
		err = reused(r.applied, next).Err()
	}
	if err == nil {
		err = take(parts, next)
	}
	log := r.log.With(zap.Strings("files", files))
	if err != nil {
		r.results.WithLabelValues("rejected").Inc()
		log.Error("configuration not reloaded, the old one stays in force", zap.Strings("problems", lines(err)))
		return
	}
	changed, restart := changes(r.applied, next), needRestart(parts, fixed(r.started, next))
	r.applied = next
	r.results.WithLabelValues("ok").Inc()
	r.succeeded()
	log.Info("configuration reloaded", zap.Strings("changed", changed), zap.Strings("needs_restart", restart), zap.String("fingerprint", next.Fingerprint))
}

func (r *Reloader) succeeded() {
	now := time.Now
	if r.Now != nil {
		now = r.Now
	}
	r.success.Set(float64(now().UnixNano()) / 1e9)
}

// take prepares all parts and then commits them; the error is what any of them
// refuses.
func take(parts []Part, next *Config) error {
	var refused []error
	prepared := make([]Prepared, 0, len(parts))
	for _, p := range parts {
		ready, err := p.Prepare(next)
		if err != nil {
			refused = append(refused, err)
			continue
		}
		prepared = append(prepared, ready)
	}
	for i, p := range prepared {
		if refused == nil {
			if err := p.Commit(); err == nil {
				continue
			} else {
				refused = append(refused, err)
			}
		}
		if discard := prepared[i].Discard; discard != nil {
			discard()
		}
	}
	return errors.Join(refused...)
}

// read loads a configuration and remembers how its files were before they were
// read: a change from then on is seen.
func (r *Reloader) read() (*Config, error) {
	before := snapshot{}
	c, err := r.load(func(name string) ([]byte, error) {
		before[name] = identify(name)
		return os.ReadFile(name)
	})
	on := c
	if on == nil {
		on = r.applied
	}
	files := watched{}
	if on != nil {
		tls := on.Ingress.TLS
		files.packs = on.ProvidersDir
		files.files = slices.DeleteFunc([]string{tls.Cert, tls.Key, tls.ClientCA}, func(name string) bool { return name == "" })
	}
	for name := range before {
		files.files = append(files.files, name)
	}
	if c == nil {
		// What was not reached this time is still what the old one was read from.
		files.files = append(files.files, r.files.files...)
	}
	slices.Sort(files.files)
	files.files = slices.Compact(files.files)
	r.files, r.seen = files, files.look()
	for name, info := range before {
		r.seen[name] = info
	}
	return c, err
}

// needRestart keeps the settings of sections that some part reads.
func needRestart(parts []Part, keys []string) []string {
	return slices.DeleteFunc(keys, func(key string) bool {
		section, _, _ := strings.Cut(key, ".")
		return !slices.ContainsFunc(parts, func(p Part) bool { return slices.Contains(p.Reads, section) })
	})
}

// lines are the problems of an error, each once, however many parts found it.
func lines(err error) []string {
	var all []string
	for _, line := range strings.Split(err.Error(), "\n") {
		if !slices.Contains(all, line) {
			all = append(all, line)
		}
	}
	return all
}
