package config

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"go.yaml.in/yaml/v3"
)

// mostSecret is the largest secret: a key in PEM is far smaller.
const mostSecret = 64 << 10

// secrets reads a list of secrets, whose ids must differ.
func (s *section) secrets(name string) []Secret {
	var all []Secret
	first := map[string]string{}
	s.list(name, func(key string, node *yaml.Node) {
		secret := s.secret(s.section(key, node), true)
		if before, twice := first[secret.ID]; twice && secret.ID != "" {
			s.problem(key+".id", fmt.Sprintf("%s is the id of %s already", quote(secret.ID), before), "give each secret an id of its own: deliveries name the one that matched")
		}
		first[secret.ID] = key
		all = append(all, secret)
	})
	return all
}

// secret reads one secret: exactly one of env, file and value, and, where it has
// others beside it, an id.
func (r *reader) secret(s *section, listed bool) Secret {
	s.private = true
	secret := Secret{Key: s.path, At: r.config.at(s.path)}
	if listed {
		if !s.present("id") {
			r.problem(s.path, "has no id", "write {id: current, env: NAME}")
		}
		value(s, "id", &secret.ID, parseID)
		value(s, "allow_weak", &secret.AllowWeak, parseFlag)
	}
	var from []string
	for _, name := range []string{"env", "file", "value"} {
		if s.knows(name); s.has(name) {
			from = append(from, name)
		}
	}
	switch len(from) {
	case 0:
		r.problem(s.path, "says nowhere where the secret is", "write one of env: NAME, file: PATH, value: TEXT")
	case 1:
		r.reveal(s, from[0], &secret)
	default:
		r.problem(s.path, strings.Join(from, " and ")+" are both there", "keep one of them")
	}
	s.end()
	return secret
}

// reveal gives a secret its value. What it says about it never holds the value, nor
// a name that may be the value in the wrong place.
func (r *reader) reveal(s *section, from string, secret *Secret) {
	key := s.key(from)
	text, ok := s.text(from)
	if !ok && isNull(s.nodes[from]) {
		r.problem(key, "is empty", "give it a value, or remove the secret")
	}
	if !ok {
		return
	}
	found := true
	switch from {
	case "env":
		if !variable.MatchString(text) {
			r.problem(key, "is no name of an environment variable", "write the variable's name here, not the secret")
			return
		}
		secret.From = "env " + text
		text, found = r.lookupEnv(text)
	case "file":
		text, found = r.secretFile(key, text, secret)
	case "value":
		secret.From = "value"
	}
	switch trimmed := strings.TrimSpace(text); {
	case !found:
	case trimmed == "":
		r.problem(key, "is empty", "give it a value, or remove the secret")
	case len(trimmed) > mostSecret:
		r.problem(key, fmt.Sprintf("is too long for a secret, at most %d bytes", mostSecret), "")
	default:
		*secret = secret.With(trimmed)
	}
}

// secretFile reads a secret's file. found is false where it does not exist, and
// where it cannot be read, which is a problem.
func (r *reader) secretFile(key, name string, secret *Secret) (text string, found bool) {
	path, err := r.path(name)
	if err != nil {
		r.problem(key, "is empty", "write the path of a file that holds the secret")
		return "", false
	}
	secret.From = "file " + path
	data, err := r.readFile(path)
	switch {
	case err == nil:
		return string(data), true
	case errors.Is(err, fs.ErrNotExist):
		return "", false
	}
	reason := err
	if inner := new(fs.PathError); errors.As(err, &inner) {
		reason = inner.Err
	}
	r.problem(key, fmt.Sprintf("%s cannot be read: %v", path, reason), "let the user that runs this program read it")
	return "", false
}

// Check is the last word of a program that cannot make secrets itself: every source
// and endpoint has a secret, and none that the file names is missing. Its error is
// Problems.
func (c *Config) Check() error {
	problems := c.missingSeal()
	for _, source := range c.Sources {
		if len(source.Endpoints) == 0 {
			problems = append(problems, c.missing(source.Key, source.Secrets)...)
		}
		for _, e := range source.Endpoints {
			problems = append(problems, c.missing(e.Key, e.Secrets)...)
		}
	}
	return problems.Err()
}

// CheckSeal is Check for a program that only opens seals: a normalizer needs no
// provider's secret. Its error is Problems.
func (c *Config) CheckSeal() error { return c.missingSeal().Err() }

func (c *Config) missingSeal() Problems {
	problems := c.absent(c.NATS.NKeySeed)
	if len(c.Seal.Keys) == 0 {
		return append(problems, c.Problem("seal.keys", "there is no key to seal deliveries with", "write seal: {keys: [{id: k1, file: PATH}]}"))
	}
	return append(problems, c.absent(c.Seal.Keys...)...)
}

// missing is what is wrong with the secrets of a source or an endpoint.
func (c *Config) missing(key string, secrets []Secret) Problems {
	if len(secrets) == 0 {
		return Problems{c.Problem(key+".secrets", "there is no secret to verify deliveries with", "write secrets: [{id: current, env: NAME}]")}
	}
	return c.absent(secrets...)
}

// absent is a problem for each secret that the file names and that is not there.
func (c *Config) absent(secrets ...Secret) Problems {
	var problems Problems
	for _, s := range secrets {
		if s.Missing() && s.Key != "" {
			kind, name, _ := strings.Cut(s.From, " ")
			message, hint := "the file "+name+" does not exist", "write the secret into it"
			if kind == "env" {
				message, hint = "the environment variable "+name+" is not set", "set it to the secret"
			}
			problems = append(problems, c.Problem(s.Key, message, hint))
		}
	}
	return problems
}
