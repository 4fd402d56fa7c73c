package ingress

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain checks that nothing of ours is left running. A nats-server that is stopped
// in the middle of an atomic batch leaves the batch's own file store running, which
// would end with its process.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("github.com/nats-io/nats-server/v2/server.(*fileStore).flushStreamStateLoop"),
		goleak.IgnoreTopFunction("github.com/nats-io/nats-server/v2/server.(*msgBlock).flushLoop"),
		goleak.IgnoreTopFunction("github.com/nats-io/nats-server/v2/server/ats.Register.func1"),
	)
}
