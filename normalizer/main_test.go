package normalizer

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if poisonedWorker() {
		return
	}
	goleak.VerifyTestMain(m)
	os.Exit(0)
}
