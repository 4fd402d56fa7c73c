package operate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
)

// clearAgain is clear, tried again where a stream is there that cannot be read: half of
// one, by a restore that was killed. The server drops it when it has waited 5 s for more.
func (r *Restore) clearAgain(ctx context.Context, js natsjs.JetStream, step *RestoreStep) error {
	trying, cancel := context.WithTimeout(ctx, restoreAgain)
	defer cancel()
	for {
		err := r.clear(ctx, js, step)
		switch {
		case err == nil, errors.Is(err, natsjs.ErrStreamNotFound) && !errors.Is(err, nats.ErrNoResponders):
			return nil
		case !errors.Is(err, nats.ErrNoResponders):
			return err
		}
		if _, waited := rest(trying, nil, followLook); waited != nil {
			return err
		}
		if err := os.RemoveAll(r.keptIn(step.Name)); err != nil { // it has just been begun here
			return err
		}
	}
}

// keptIn is the folder for what a restore replaces.
func (r *Restore) keptIn(stream string) string {
	return filepath.Clean(r.Dir) + "-replaced-" + stream + "-" + r.Now.UTC().Format("20060102T150405Z")
}

// clear takes away the stream that a restore replaces. First the stream stops taking
// messages, so that what it holds is final and nothing is acknowledged that would be
// deleted: an ingress is refused meanwhile, and its provider sends again. What it
// holds is then backed up.
func (r *Restore) clear(ctx context.Context, js natsjs.JetStream, step *RestoreStep) error {
	live, err := js.Stream(ctx, step.Name)
	if err != nil {
		return streamAdvice(step.Name, err)
	}
	config := live.CachedInfo().Config
	subjects := config.Subjects
	config.Subjects = []string{"paybridge.restoring." + step.Name}
	if live, err = js.UpdateStream(ctx, config); err != nil {
		return fmt.Errorf("restore: stream %s: %w", step.Name, err)
	}
	err = r.keep(ctx, js, live, step)
	if err == nil {
		if err = js.DeleteStream(ctx, step.Name); err == nil {
			return nil
		}
	}
	// It stays, and takes messages again, also where this was interrupted.
	config.Subjects = subjects
	_, undone := js.UpdateStream(context.WithoutCancel(ctx), config)
	return errors.Join(err, undone)
}

// keep backs up what is about to be deleted.
func (r *Restore) keep(ctx context.Context, js natsjs.JetStream, live natsjs.Stream, step *RestoreStep) error {
	messages := live.CachedInfo().State.Msgs
	switch {
	case messages == 0:
		return nil
	case !r.Replace:
		return advise(fmt.Errorf("restore: %s holds %d messages by now", step.Name, messages), "stop what writes to it, and look again")
	}
	dir := r.keptIn(step.Name)
	if _, err := (Backup{Dir: dir, Streams: []string{step.Name}, Now: r.Now, Progress: r.Progress}).Run(ctx, js); err != nil {
		return err
	}
	step.Kept = dir
	return nil
}

// undoPatience bounds how long an interrupted restore takes to leave nothing half made.
const undoPatience = 30 * time.Second

// undo takes away what a restore has made and not compared, also where it was
// interrupted, and says how to go on.
func (r *Restore) undo(ctx context.Context, js natsjs.JetStream, s BackedUpStream, why error) error {
	why = fmt.Errorf("restore: stream %s: %w", s.Name, why)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoPatience)
	defer cancel()
	gone, err := r.unmake(ctx, js, s)
	if err != nil {
		return advise(errors.Join(why, err), "it may be there now and not be whole: run this again with --replace")
	}
	if !gone {
		return advise(why, adviceOf(why, "run this again; the server's log says why"))
	}
	return advise(why, "of "+s.Name+" nothing is left half made: run this again, and what is restored by now is found")
}

// unmake deletes the stream where it is what this restore has made; gone says that
// there is none now.
func (r *Restore) unmake(ctx context.Context, js natsjs.JetStream, s BackedUpStream) (gone bool, _ error) {
	live, err := js.Stream(ctx, s.Name)
	if errors.Is(err, natsjs.ErrStreamNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	note := map[string]string{}
	jetstream.Restored{Until: s.Taken, At: r.Now}.Note(note)
	for key, value := range note {
		if live.CachedInfo().Config.Metadata[key] != value {
			return false, nil // somebody else's
		}
	}
	return true, js.DeleteStream(ctx, s.Name)
}

// joined is a list as people write it.
func joined(list []string) string { return strings.Join(list, ", ") }

// adviceOf is what an error itself says to do, or what else to say.
func adviceOf(err error, otherwise string) string {
	const insufficientStorage, maximumReplicas, nameInUse = 10047, 10074, 10130
	var api *natsjs.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode {
		case insufficientStorage:
			return "give the server more max_file_store"
		case maximumReplicas:
			return "streams.replicas needs as many servers in the cluster"
		case nameInUse:
			return "somebody has made it meanwhile"
		}
	}
	return otherwise
}
