package normalizerd

import (
	"maps"
	"sync/atomic"

	"paybridge/config"
	"paybridge/normalizer"
	"paybridge/schemas/provider"
)

// live is what of a running normalizer follows its configuration: the mappings, the
// keys of the seal, and the packs whose schemas are shown.
type live struct {
	normalizer *normalizer.Normalizer
	programs   normalizer.Programs // in force; changed by the reloader alone
	library    atomic.Pointer[provider.Library]
	tracing    config.Tracing // as it was at the start: events say that they are recorded where spans are sent
}

func follow(n *normalizer.Normalizer, programs normalizer.Programs, library *provider.Library, tracing config.Tracing) *live {
	l := &live{normalizer: n, programs: programs, tracing: tracing}
	l.library.Store(library)
	return l
}

func (l *live) schema(path string) ([]byte, bool) { return schemas(l.library.Load())(path) }

// ahead is the normalizer's stage: it knows a source before an ingress of the same
// process stores the first delivery of it.
const ahead = 1

// part is how a running normalizer takes a changed configuration over: every pack
// is compiled before any is put in force.
func (l *live) part() config.Part {
	return config.Part{
		Stage: ahead,
		Reads: []string{"normalizer", "nats", "events"},
		Prepare: func(cfg *config.Config) (config.Prepared, error) {
			library, err := packs(cfg, nil)
			if err != nil {
				return config.Prepared{}, err
			}
			now := *cfg
			now.Normalizer.Tracing = l.tracing
			options, err := translate(&now, library)
			if err != nil {
				return config.Prepared{}, err
			}
			return config.Prepared{Commit: func() error {
				l.replace(options, library)
				return nil
			}}, nil
		},
	}
}

// replace puts programs and keys in force. A source that is gone keeps its mapping
// until the process ends: what was stored before it went is still to become events. A
// key that is gone opens nothing more: who takes one away may do it because it is in
// the wrong hands.
func (l *live) replace(o normalizer.Options, library *provider.Library) {
	all := maps.Clone(l.programs)
	maps.Copy(all, o.Programs)
	l.normalizer.Replace(all, o.Seals)
	l.programs = all
	l.library.Store(library)
}
