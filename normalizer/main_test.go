package normalizer

import (
	"testing"

	"go.uber.org/goleak"

	"paybridge/deploy/jetstream/jetstreamtest"
)

// TestMain checks that nothing of ours is left running.
func TestMain(m *testing.M) {
	if poisonedWorker() {
		return
	}
	goleak.VerifyTestMain(m, jetstreamtest.BatchLeaks()...)
}
