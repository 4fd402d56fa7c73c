package operate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
)

// The protocol of JetStream's snapshots, as ADR-20 and the server have it: the server
// sends the archive of a stream as chunks and slows down for whoever does not answer
// them; the way back is one request for each chunk, and an empty one at the end.
const (
	snapshotRequest = "$JS.API.STREAM.SNAPSHOT."
	restoreRequest  = "$JS.API.STREAM.RESTORE."

	snapshotPatience = 30 * time.Second // for one chunk
	restorePatience  = time.Hour        // for the server's last word: it writes the whole stream
	restoreChunk     = 128 << 10        // bytes
)

// snapshotState is the state of a stream when its snapshot was taken, as the server
// tells it; it goes back to the server with a restore.
type snapshotState struct {
	Config json.RawMessage `json:"config"` // kept as it came: a field that is not known here must not be lost
	State  json.RawMessage `json:"state"`
}

// sequences reads what a state says of its range.
func (s snapshotState) sequences() (first, last, size uint64, err error) {
	var state natsjs.StreamState
	err = json.Unmarshal(s.State, &state)
	return state.FirstSeq, state.LastSeq, state.Bytes, err
}

// answer is what the server says to a request of its API.
type answer struct {
	Error *natsjs.APIError `json:"error"`
	snapshotState
	DeliverSubject string `json:"deliver_subject"`
}

// ask asks the server's API; an error that it answers is a *natsjs.APIError.
func ask(ctx context.Context, nc *nats.Conn, subject string, patience time.Duration, request []byte) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var a answer
	msg, err := nc.RequestWithContext(ctx, subject, request)
	if err != nil {
		return a, err
	}
	if len(msg.Data) == 0 {
		return a, nil // a chunk is taken
	}
	if err := json.Unmarshal(msg.Data, &a); err != nil {
		return a, err
	}
	if a.Error != nil {
		return a, a.Error
	}
	return a, nil
}

// takeSnapshot writes the archive of a stream and its consumers to w. progress is
// called with the bytes that came and the bytes that are stored, of which the
// archive is a compressed copy.
func takeSnapshot(ctx context.Context, nc *nats.Conn, stream string, w io.Writer, progress func(done, total int)) (snapshotState, error) {
	chunks, err := nc.SubscribeSync(nc.NewInbox())
	if err != nil {
		return snapshotState{}, err
	}
	defer chunks.Unsubscribe() //nolint:errcheck // the connection is closing, or it has worked
	request, err := json.Marshal(map[string]any{"deliver_subject": chunks.Subject, "chunk_size": restoreChunk, "jsck": true})
	if err != nil {
		return snapshotState{}, err
	}
	a, err := ask(ctx, nc, snapshotRequest+stream, snapshotPatience, request)
	if err != nil {
		return snapshotState{}, err
	}
	_, _, size, err := a.sequences()
	if err != nil {
		return snapshotState{}, err
	}
	return a.snapshotState, takeChunks(ctx, chunks, w, func(done int) { progress(done, int(size)) })
}

// takeChunks takes chunks until the empty one that ends them.
func takeChunks(ctx context.Context, chunks *nats.Subscription, w io.Writer, progress func(done int)) error {
	done := 0
	for index := 1; ; index++ {
		msg, err := nextChunk(ctx, chunks)
		if err != nil {
			return err
		}
		if len(msg.Data) == 0 {
			return endOfChunks(msg.Header)
		}
		if at := msg.Reply[strings.LastIndexByte(msg.Reply, '.')+1:]; msg.Reply != "" && at != strconv.Itoa(index) {
			return fmt.Errorf("chunk %d came as %s: one was lost", index, at)
		}
		if _, err := w.Write(msg.Data); err != nil {
			return err
		}
		if msg.Reply != "" {
			if err := msg.Respond(nil); err != nil {
				return err
			}
		}
		done += len(msg.Data)
		progress(done)
	}
}

// nextChunk waits for one.
func nextChunk(ctx context.Context, chunks *nats.Subscription) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, snapshotPatience, errNoAnswer)
	defer cancel()
	msg, err := chunks.NextMsgWithContext(ctx)
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return msg, err
}

// endOfChunks is nil where the archive is whole.
func endOfChunks(header nats.Header) error {
	if status := header.Get("Status"); status != "" && status != "204" {
		return errors.New(strings.TrimSpace("the server ended the snapshot: " + status + " " + header.Get("Description")))
	}
	return nil
}

// giveSnapshot makes a stream of an archive: as it was, with its consumers, under a
// configuration that may differ.
func giveSnapshot(ctx context.Context, nc *nats.Conn, stream string, s snapshotState, r io.Reader, size int, progress func(done, total int)) error {
	request, err := json.Marshal(s)
	if err != nil {
		return err
	}
	a, err := ask(ctx, nc, restoreRequest+stream, snapshotPatience, request)
	if err != nil {
		return err
	}
	err = giveChunks(ctx, nc, a.DeliverSubject, r, func(done int) { progress(done, size) })
	if err != nil {
		endRestore(ctx, nc, a.DeliverSubject)
	}
	return err
}

// giveChunks gives an archive, chunk by chunk, to where the server takes it.
func giveChunks(ctx context.Context, nc *nats.Conn, to string, r io.Reader, progress func(done int)) error {
	chunk := make([]byte, restoreChunk)
	for done := 0; ; {
		n, err := io.ReadFull(r, chunk)
		if n > 0 {
			if _, err := ask(ctx, nc, to, snapshotPatience, chunk[:n]); err != nil {
				return err
			}
			done += n
			progress(done)
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			_, err := ask(ctx, nc, to, restorePatience, nil)
			return err
		case err != nil:
			return err
		}
	}
}

// endRestore ends an archive early and waits until the server has done with it, also
// where this was interrupted: left alone it would go on, and make a stream of it later.
func endRestore(ctx context.Context, nc *nats.Conn, to string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoPatience)
	defer cancel()
	for ctx.Err() == nil {
		// No answer in time: it works on what it was given. No responder: it has done.
		if _, err := ask(ctx, nc, to, time.Second, nil); !errors.Is(err, context.DeadlineExceeded) {
			return
		}
	}
}
