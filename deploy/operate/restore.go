package operate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/schemas/delivery"
)

// Restore makes streams again from a backup, and compares what they hold then with
// what was backed up. Consumers come back where they were: the normalizer goes on
// with the first delivery that was not done, and a team reads again what it has read
// since.
//
// A stream that is there and empty is replaced. One that holds messages is left
// alone, unless Replace says otherwise, and then it is backed up first. One that was made
// of this backup and still holds what is in it is done: so that a restore which was
// interrupted or killed is continued by running it again.
//
// nats-server (2.15) knows the message ids of a restored stream only once it was started
// again: before that, what is done again is stored again.
type Restore struct {
	Dir      string
	Streams  []string // that are meant; those of the backup where nil
	Replace  bool     // streams that hold messages too
	Replicas int      // of the bus that is meant
	Seals    delivery.Keys
	AnySeal  bool // also where Seals open no delivery of WEBHOOKS
	Up       bool // the bus is that of a running up, whose normalizer cannot be stopped apart
	Now      time.Time
	Progress func(what string) func(done, total int) // called for each long step; may be nil

	manifest Manifest
}

// RestoreStep is what a restore does, or would do, with one stream.
type RestoreStep struct {
	Name      string   `json:"name"`
	Messages  uint64   `json:"messages"` // in the backup
	First     uint64   `json:"first"`
	Last      uint64   `json:"last"`
	There     *int     `json:"there"`               // messages that the bus has in it now; null where there is no stream
	Expired   bool     `json:"expired"`             // it holds messages older than its max_age, which is lifted to keep them
	Lost      []string `json:"lost,omitempty"`      // durable consumers on the bus that the backup does not have
	Kept      string   `json:"kept,omitempty"`      // folder of the backup of what was replaced
	Already   bool     `json:"already,omitempty"`   // an earlier run has restored it, and it is still what was backed up
	Verified  bool     `json:"verified"`            // restored, and found to be what was backed up
	Differs   string   `json:"differs,omitempty"`   // restored, and found to be something else
	Consumers []Lag    `json:"consumers,omitempty"` // as restored
}

// Plan checks the backup and says what Run would do. An error says why it would not.
func (r *Restore) Plan(ctx context.Context, js natsjs.JetStream) ([]RestoreStep, error) {
	var err error
	if r.manifest, err = OpenBackup(ctx, r.Dir, inKiB(r.progress("KiB of the backup checked"))); err != nil {
		return nil, err
	}
	var steps []RestoreStep
	var full []string
	for _, name := range restoreOrder() {
		s, there := r.backedUp(name)
		switch {
		case r.Streams != nil && !slices.Contains(r.Streams, name), r.Streams == nil && !there:
			continue
		case !there:
			return nil, advise(fmt.Errorf("restore: %s is not in this backup", name), "leave out --stream to see what is")
		}
		step := RestoreStep{Name: name, Messages: s.Messages, First: s.First, Last: s.Last, Expired: r.expired(s)}
		live, err := js.Stream(ctx, name)
		switch {
		case errors.Is(err, natsjs.ErrStreamNotFound):
		case err != nil:
			return nil, streamAdvice(name, err)
		default:
			n := int(live.CachedInfo().State.Msgs)
			step.There = &n
			if step.Already, err = r.already(ctx, js, live, s, &step); err != nil {
				return nil, err
			}
			if step.Already {
				break
			}
			if n > 0 && !r.Replace {
				full = append(full, fmt.Sprintf("%s holds %d messages", name, n))
			}
			if err := r.idle(ctx, live, n); err != nil && (n == 0 || r.Replace) {
				return nil, err
			}
			if step.Lost, err = lost(ctx, live, s); err != nil {
				return nil, err
			}
		}
		steps = append(steps, step)
	}
	if len(full) > 0 {
		return steps, advise(fmt.Errorf("restore: %s", joined(full)), "name other streams with --stream, or say --replace: what is there is backed up first, and then deleted")
	}
	return steps, r.openable(steps)
}

// already says that a stream was restored from this backup before, and is what was backed up.
// What was done with it since does not matter, unless it is to be replaced: then nothing may
// have come to it, and its consumers have to be where they were.
func (r *Restore) already(ctx context.Context, js natsjs.JetStream, live natsjs.Stream, s BackedUpStream, step *RestoreStep) (bool, error) {
	info := live.CachedInfo()
	if !jetstream.RestoredFrom(info, s.Taken) || info.State.Msgs == 0 || info.State.LastSeq < s.Last || r.Replace && info.State.LastSeq != s.Last {
		return false, nil
	}
	got, err := readThrough(ctx, js, s.Name, max(s.First, 1), s.Last, r.progress("messages of "+s.Name+" compared"))
	if err != nil || s.Differs(got) != "" {
		return false, err
	}
	lister := live.ListConsumers(ctx)
	for info := range lister.Info() {
		step.Consumers = append(step.Consumers, lagOf(info))
	}
	if err := lister.Err(); err != nil {
		return false, err
	}
	if r.Replace && !slices.EqualFunc(byName(step.Consumers), byName(s.Consumers), func(a, b Lag) bool { return a.Name == b.Name && a.AckFloor == b.AckFloor }) {
		step.Consumers = nil
		return false, nil
	}
	step.Verified = true
	return true, nil
}

func byName(of []Lag) []Lag {
	return slices.SortedFunc(slices.Values(of), func(a, b Lag) int { return strings.Compare(a.Name, b.Name) })
}

// restoreOrder is the flow backwards: deliveries come last, so that nothing works on
// them before there is a place for what they become.
func restoreOrder() []string {
	names := StreamNames()
	slices.Reverse(names)
	return names
}

// idle refuses to take WEBHOOKS from under a normalizer that works: an empty one too,
// because that normalizer would begin with what is restored before it is compared. The
// one of an up cannot be stopped while its bus runs; it may keep an empty one.
func (r *Restore) idle(ctx context.Context, live natsjs.Stream, messages int) error {
	if live.CachedInfo().Config.Name != jetstream.Webhooks || messages == 0 && r.Up {
		return nil
	}
	consumer, err := live.Consumer(ctx, jetstream.Normalizer)
	if errors.Is(err, natsjs.ErrConsumerNotFound) {
		return nil
	}
	if err != nil {
		return streamAdvice(jetstream.Webhooks, err)
	}
	if consumer.CachedInfo().NumWaiting > 0 {
		return advise(errors.New("restore: a normalizer reads from WEBHOOKS"), "stop the normalizers, and run this again; the place of an `up` is taken by a new one, on another --data folder")
	}
	return nil
}

// lost are the durable consumers that go with a stream and do not come back.
func lost(ctx context.Context, live natsjs.Stream, s BackedUpStream) ([]string, error) {
	var names []string
	lister := live.ListConsumers(ctx)
	for info := range lister.Info() {
		if info.Config.Durable != "" && !slices.ContainsFunc(s.Consumers, func(l Lag) bool { return l.Name == info.Name }) {
			names = append(names, info.Name)
		}
	}
	return names, lister.Err()
}

// backedUp finds a stream in the backup.
func (r *Restore) backedUp(name string) (BackedUpStream, bool) {
	i := slices.IndexFunc(r.manifest.Streams, func(s BackedUpStream) bool { return s.Name == name })
	if i < 0 {
		return BackedUpStream{}, false
	}
	return r.manifest.Streams[i], true
}

// expiryMargin is how long a restore may take until the last message is compared.
const expiryMargin = time.Hour

// expired says that the server would delete messages of a stream as soon as they are
// restored.
func (r *Restore) expired(s BackedUpStream) bool {
	var config natsjs.StreamConfig
	if json.Unmarshal(s.Config, &config) != nil || config.MaxAge == 0 || s.Messages == 0 {
		return false
	}
	return r.Now.Sub(s.FirstTime)+expiryMargin > config.MaxAge
}

// Run restores what Plan said, one stream after the other, and stops at the first that
// is not what was backed up.
func (r *Restore) Run(ctx context.Context, js natsjs.JetStream, steps []RestoreStep) error {
	for i := range steps {
		step := &steps[i]
		if step.Already {
			continue
		}
		s, _ := r.backedUp(step.Name)
		if step.There != nil {
			if err := r.clearAgain(ctx, js, step); err != nil {
				return err
			}
		}
		err := r.give(ctx, js, s, step.Expired)
		if err == nil {
			err = r.compare(ctx, js, s, step)
		}
		switch {
		case err == nil:
		case step.Verified, step.Differs != "":
			return err
		default:
			return r.undo(ctx, js, s, err)
		}
	}
	return nil
}

// restoreAgain bounds how long a server may still be busy with an earlier restore of a
// stream whose client is gone: it gives up on that after 5 s.
const restoreAgain = 8 * time.Second

// give sends the snapshot to the server, and again where it has dropped the receiver.
func (r *Restore) give(ctx context.Context, js natsjs.JetStream, s BackedUpStream, lift bool) error {
	trying, cancel := context.WithTimeout(ctx, restoreAgain)
	defer cancel()
	for {
		err := r.giveOnce(ctx, js, s, lift)
		if !errors.Is(err, nats.ErrNoResponders) {
			return err
		}
		if _, waited := rest(trying, nil, followLook); waited != nil {
			return err
		}
	}
}

// giveOnce sends the snapshot to the server.
func (r *Restore) giveOnce(ctx context.Context, js natsjs.JetStream, s BackedUpStream, lift bool) error {
	file, err := os.Open(filepath.Join(r.Dir, s.File))
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // only read
	config, err := r.configuration(s, lift)
	if err != nil {
		return err
	}
	return giveSnapshot(ctx, js.Conn(), s.Name, snapshotState{Config: config, State: s.State}, file, int(s.Bytes), inKiB(r.progress("KiB of "+s.Name)))
}

// configuration is that of the backup, with the replicas of this bus, the subjects of
// the contract (what was replaced was backed up without them), and a note for whoever
// counts what is done of WEBHOOKS (see jetstream.Restored).
func (r *Restore) configuration(s BackedUpStream, lift bool) (json.RawMessage, error) {
	config := map[string]json.RawMessage{}
	if err := json.Unmarshal(s.Config, &config); err != nil {
		return nil, err
	}
	metadata := map[string]string{}
	if text, ok := config["metadata"]; ok {
		if err := json.Unmarshal(text, &metadata); err != nil {
			return nil, err
		}
	}
	jetstream.Restored{Until: s.Taken, At: r.Now}.Note(metadata)
	set := map[string]any{"subjects": []string{jetstream.SubjectsOf(s.Name)}, "metadata": metadata, "num_replicas": max(r.Replicas, 1)}
	if lift {
		set["max_age"] = 0
	}
	for key, value := range set {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		config[key] = text
	}
	return json.Marshal(config)
}

// compare reads the stream that was made. What had expired between the snapshot and
// the reading of it is there again, before the first message that was read.
func (r *Restore) compare(ctx context.Context, js natsjs.JetStream, s BackedUpStream, step *RestoreStep) error {
	got, err := readThrough(ctx, js, s.Name, max(s.First, 1), s.Last, r.progress("messages of "+s.Name+" compared"))
	if err != nil {
		return err
	}
	live, err := js.Stream(ctx, s.Name)
	if err != nil {
		return streamAdvice(s.Name, err)
	}
	step.Differs = s.Differs(got)
	if state := live.CachedInfo().State; step.Differs == "" && s.Messages > 0 && (state.FirstSeq > s.First || state.FirstSeq < s.FirstThen) {
		step.Differs = fmt.Sprintf("it begins with %d, want %d", state.FirstSeq, s.First)
	}
	if step.Differs != "" {
		return advise(fmt.Errorf("restore: stream %s: %s", s.Name, step.Differs), "do not start the services on it: restore again from another backup, with --replace")
	}
	step.Verified = true
	lister := live.ListConsumers(ctx)
	for info := range lister.Info() {
		step.Consumers = append(step.Consumers, lagOf(info))
	}
	return lister.Err()
}

// progress begins a step.
func (r *Restore) progress(what string) func(done, total int) {
	return Backup{Progress: r.Progress}.progress(what)
}
