package auth

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"paybridge/schemas/provider"
)

// Prove says whether an auth half gives a fixture its outcome: accepted or
// refused, the answer, and, where the case says so, which of its headers are
// stored. nil means that it does. What events come of it is not judged here.
//
// A secret that New refuses proves nothing, not even a refusal: the error says so.
// A request that is accepted has to pass [Verifier.Early], too, as the ingress asks
// it first.
func Prove(a *provider.Auth, f *provider.Fixture) error {
	v, err := New(a, FixtureSecrets(f))
	var bad Problems
	if errors.As(err, &bad) {
		return bad // each names the fixture itself
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.At, err)
	}
	r := FixtureRequest(f)
	_, err = v.Verify(r)
	if f.Answer == http.StatusUnauthorized {
		if err == nil {
			return fmt.Errorf("%s: is accepted, and has to be refused", f.At)
		}
		return nil
	}
	if err == nil {
		err = v.Early(r)
	}
	if err != nil {
		return fmt.Errorf("%s: is refused (%w), and has to be accepted", f.At, err)
	}
	if answer := (provider.Answer{ContentType: f.AnswerType, Body: f.AnswerBody}); answer != a.Answer {
		return fmt.Errorf("%s: the answer is %q (%s), not %q (%s)", f.At, a.Answer.Body, a.Answer.ContentType, answer.Body, answer.ContentType)
	}
	var stored []string
	for _, name := range v.KeepHeaders() {
		if r.Header[name] != nil {
			stored = append(stored, name)
		}
	}
	if f.Stored != nil && !slices.Equal(stored, slices.Sorted(slices.Values(f.Stored))) {
		return fmt.Errorf("%s: the stored headers are %q, not %q", f.At, stored, f.Stored)
	}
	return nil
}

// FixtureRequest is the request of a fixture; it shares the fixture's memory.
func FixtureRequest(f *provider.Fixture) Request {
	return Request{Method: f.Method, URL: f.URL, Query: f.Query, Header: http.Header(f.Header), Body: f.Body, ReceivedAt: f.ReceivedAt}
}

// FixtureSecrets are the secrets of a fixture, in its order.
func FixtureSecrets(f *provider.Fixture) []Secret {
	var secrets []Secret
	for _, s := range f.Secrets {
		secrets = append(secrets, NewSecret(s.ID, s.Text, f.AllowWeak, f.At.String()))
	}
	return secrets
}
