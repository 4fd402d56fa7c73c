package ingressd

import (
	"crypto/tls"
	"sync"
	"sync/atomic"

	"paybridge/config"
	"paybridge/ingress"
	"paybridge/schemas/provider"
)

// live is what of a running ingress follows its configuration besides the sources:
// the certificates of the listener and the packs whose schemas are shown.
type live struct {
	tls atomic.Pointer[tls.Config]

	mu      sync.RWMutex // held by who reads files of the library
	library *provider.Library
	done    func() // closes the library's folder
}

// follow makes o follow the configuration from now on, through the live that it
// returns, which starts with what is in force.
func follow(o *ingress.Options, library *provider.Library, done func(), ownSchemas bool) *live {
	l := &live{library: library, done: done}
	if o.TLS != nil {
		l.tls.Store(o.TLS)
		o.TLS = &tls.Config{
			MinVersion:         tls.VersionTLS12,
			GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return l.tls.Load(), nil },
		}
	}
	if !ownSchemas {
		o.Schemas = l.schema
	}
	return l
}

func (l *live) schema(path string) ([]byte, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return packSchemas(l.library)(path)
}

// swap puts other packs in the place of those that are there, and closes these.
func (l *live) swap(library *provider.Library, done func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done()
	l.library, l.done = library, done
}

// close closes the folder that is open; nothing reads it any more.
func (l *live) close() { l.swap(nil, func() {}) }

// part is how a running server takes a changed configuration over: sources,
// secrets, keys of the seal, packs and certificates.
func (l *live) part(server *ingress.Server) config.Part {
	return config.Part{
		Reads: []string{"ingress", "nats"},
		Prepare: func(cfg *config.Config) (config.Prepared, error) {
			library, done, err := packs(cfg, nil)
			if err != nil {
				return config.Prepared{}, err
			}
			options, err := translate(cfg, library, Options{})
			if err != nil {
				done()
				return config.Prepared{}, err
			}
			commit := func() error {
				if err := server.Replace(options.Sources, options.Seal); err != nil {
					return err
				}
				// Whether the listener speaks TLS at all is settled at its start.
				if options.TLS != nil && l.tls.Load() != nil {
					l.tls.Store(options.TLS)
				}
				l.swap(library, done)
				return nil
			}
			return config.Prepared{Commit: commit, Discard: done}, nil
		},
	}
}
