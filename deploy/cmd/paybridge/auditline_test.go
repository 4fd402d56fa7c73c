package main

import (
	"encoding/json"
	"errors"
	"os/user"
	"testing"
)

// TestAuditLine says that somebody is named where USER is unset, that sudo does not
// hide who asked for it, and on which host it was.
func TestAuditLine(t *testing.T) {
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		env  map[string]string
		want string
	}{
		{map[string]string{"USER": "ana"}, "ana"},
		{map[string]string{"USER": "root", "SUDO_USER": "ana"}, "ana"},
		{map[string]string{"USER": ""}, u.Username},
		{nil, u.Username},
	} {
		p, _, errs := testProgram()
		p.LookupEnv = func(name string) (string, bool) { v, ok := test.env[name]; return v, ok }
		p.auditLine("tests", "to see", errors.New("broken"))
		var line struct{ Who, What, Why, Error, Host string }
		if err := json.Unmarshal(errs.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		if line.Who != test.want || line.What != "tests" || line.Why != "to see" || line.Error != "broken" || line.Host != host() || line.Host == "" {
			t.Errorf("%v: %+v, want %s", test.env, line, test.want)
		}
	}
}
