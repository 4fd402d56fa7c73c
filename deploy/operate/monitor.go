package operate

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	syncCheck   = "sync"
	healthCheck = "server"
)

// Bounds of an answer of the monitoring port.
const (
	monitorTimeout = 5 * time.Second
	monitorBytes   = 1 << 20
)

// Monitored asks the monitoring port of a server what the protocol does not say: how it
// syncs, and whether it is well itself. Of a cluster it is that one server.
func (d Doctor) Monitored(ctx context.Context) []Finding {
	if d.Embedded || d.Monitor == "" {
		return nil
	}
	return []Finding{d.monitoredSync(ctx), d.monitoredHealth(ctx)}
}

// monitoredSync is how the server writes.
func (d Doctor) monitoredSync(ctx context.Context) Finding {
	_, body, err := d.monitor(ctx, "/varz")
	if err != nil {
		return finding(syncCheck, Bad, "name the server's http: address, which is perhaps on its own machine only", "%v", err)
	}
	var says struct {
		JetStream struct {
			Config *struct {
				SyncAlways   bool          `json:"sync_always"`
				SyncInterval time.Duration `json:"sync_interval"`
			} `json:"config"`
		} `json:"jetstream"`
	}
	if err := json.Unmarshal(body, &says); err != nil || says.JetStream.Config == nil {
		return finding(syncCheck, Bad, "name the http: address of a nats-server with JetStream", "%s/varz says nothing of JetStream", d.Monitor)
	}
	if !says.JetStream.Config.SyncAlways {
		return finding(syncCheck, Warn, "write `jetstream { sync_interval: always }` in its configuration, or have 3 replicas on machines that do not fail together",
			"a power cut loses what was accepted within %s", says.JetStream.Config.SyncInterval)
	}
	return finding(syncCheck, Good, "", "fsync before every acknowledgement, says %s", d.Monitor)
}

// monitoredHealth is what the server says of itself; a stream that it cannot write is
// among it, and nobody else tells of that.
func (d Doctor) monitoredHealth(ctx context.Context) Finding {
	status, body, err := d.monitor(ctx, "/healthz")
	if err != nil {
		return finding(healthCheck, Bad, "", "%v", err)
	}
	if status != http.StatusOK {
		return finding(healthCheck, Bad, "its log says more; after a disk that was full, restart it", "%s/healthz answers %d: %.200s", d.Monitor, status, strings.TrimSpace(string(body)))
	}
	return finding(healthCheck, Good, "", "says that it is well")
}

// monitor asks for one page.
func (d Doctor) monitor(ctx context.Context, page string) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, monitorTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(d.Monitor, "/")+page, nil)
	if err != nil {
		return 0, nil, err
	}
	request.Close = true // one question and no more
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, fmt.Errorf("monitoring port: %w", err)
	}
	defer answer.Body.Close()
	body, err = io.ReadAll(io.LimitReader(answer.Body, monitorBytes))
	return answer.StatusCode, body, err
}
