package normalizer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// source is where a subscription pulls messages from, and where it says how they
// end. *puller is one. pull is called by one goroutine, the others by any.
type source interface {
	// pull asks for messages and bytes, at most, and calls take with each that
	// comes, until all have come or the wait is over. An error ends the pull too;
	// what has come by then has been taken.
	pull(messages, bytes int, wait time.Duration, take func(*nats.Msg)) error
	// ack, terminate and inProgress send and do not wait; flush waits until the
	// server has what was sent.
	ack(m *nats.Msg) error
	terminate(m *nats.Msg, reason string) error
	inProgress(m *nats.Msg) error
	flush(ctx context.Context) error
	// close lets go of the connection, which stays open.
	close()
}

// puller speaks the pull protocol of JetStream's consumers:
// https://docs.nats.io/reference/reference-protocols/nats_api_reference
//
// The client library's Fetch gives up a pull on its own clock and loses what comes
// later until the server's patience ends; it takes a stored message without a body
// for the server's own word if its publisher gave it a header Status; and it makes a
// subscription for every pull and a timer for every message. Here one inbox lives as
// long as the subscription, and what comes late is taken with the next pull.
type puller struct {
	nc      *nats.Conn
	ask     string // subject of pulls
	inbox   string // then the number of the pull
	sub     *nats.Subscription
	in      chan *nats.Msg
	changed chan nats.Status // the connection is lost, or closed
	pulls   uint64
}

var _ source = (*puller)(nil)

// ackPrefix begins the reply subject of every message that a consumer delivers.
const ackPrefix = "$JS.ACK."

// grace is how long after its end a pull may go without the server's word.
const grace = 2 * time.Second

// newPuller listens for a consumer's messages, of which so many may be under way.
func newPuller(nc *nats.Conn, stream, consumer string, underWay int) (*puller, error) {
	p := &puller{
		nc:    nc,
		ask:   "$JS.API.CONSUMER.MSG.NEXT." + stream + "." + consumer,
		inbox: nc.NewInbox() + ".",
		in:    make(chan *nats.Msg, 2*underWay+64), // and as many that come late, and the server's words
	}
	var err error
	if p.sub, err = nc.ChanSubscribe(p.inbox+"*", p.in); err != nil {
		return nil, err
	}
	p.changed = nc.StatusChanged(nats.RECONNECTING, nats.CLOSED)
	return p, nil
}

// pullRequest is the body of a pull.
type pullRequest struct {
	Batch    int           `json:"batch"`
	MaxBytes int           `json:"max_bytes"`
	Expires  time.Duration `json:"expires"` // nanoseconds
}

func (p *puller) pull(messages, bytes int, wait time.Duration, take func(*nats.Msg)) error {
	request, err := json.Marshal(pullRequest{messages, bytes, wait})
	if err != nil {
		return err
	}
	p.pulls++
	mine := p.inbox + strconv.FormatUint(p.pulls, 10)
	if err := p.nc.PublishRequest(p.ask, mine, request); err != nil {
		return err
	}
	late := time.NewTimer(wait + grace)
	defer late.Stop()
	for messages > 0 && bytes > 0 {
		select {
		case m := <-p.in:
			switch {
			case strings.HasPrefix(m.Reply, ackPrefix):
				messages--
				bytes -= m.Size()
				take(m)
			case m.Subject == mine:
				if over, err := word(m); over {
					return err
				}
			}
		case <-p.changed:
			return nats.ErrDisconnected
		case <-late.C:
			return errors.New("no answer to a pull")
		}
	}
	return nil
}

// word is what the server says of a pull: whether it is over, and whether as it
// should be.
func word(m *nats.Msg) (over bool, err error) {
	status, description := m.Header.Get("Status"), m.Header.Get("Description")
	switch status {
	case "100": // a sign of life
		return false, nil
	case "404", "408": // the wait is over
		return true, nil
	case "409":
		switch description {
		case "Batch Completed", "Message Size Exceeds MaxBytes":
			return true, nil
		}
	case "503":
		return true, nats.ErrNoResponders
	}
	return true, fmt.Errorf("pull refused: %s %s", status, description)
}

func (p *puller) ack(m *nats.Msg) error { return p.nc.Publish(m.Reply, []byte("+ACK")) }

func (p *puller) terminate(m *nats.Msg, reason string) error {
	return p.nc.Publish(m.Reply, []byte("+TERM "+reason))
}

func (p *puller) inProgress(m *nats.Msg) error { return p.nc.Publish(m.Reply, []byte("+WPI")) }

func (p *puller) flush(ctx context.Context) error { return p.nc.FlushWithContext(ctx) }

func (p *puller) close() {
	p.nc.RemoveStatusListener(p.changed)
	_ = p.sub.Unsubscribe() // it fails on a closed connection, which has none
}
