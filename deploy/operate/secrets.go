package operate

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"paybridge/config"
	"paybridge/schemas/delivery"
	"paybridge/schemas/provider"
)

// Generated is a secret that lives in the data folder because the configuration
// gave none.
type Generated struct {
	Of   string // what it is a key of: "seal", "source pik", "source pixorder, endpoint PixPayment"
	File string // where it is kept
	New  bool   // made just now
}

// Secrets fills in what a configuration leaves out, from the data folder: the
// seal's key and each source's, where every one of them is missing. A list with
// at least one key is the operator's, and stays as it is.
type Secrets struct {
	Folder  Folder
	Library *provider.Library
	Rand    io.Reader // crypto/rand.Reader where nil
}

// generatedBytes is the strength of a generated secret.
const generatedBytes = 32

// Fill sets the missing secrets of c. Where the folder has none yet, it makes one
// if create is set, and otherwise leaves it missing.
func (s Secrets) Fill(c *config.Config, create bool) ([]Generated, error) {
	var all []Generated
	var problems []error
	fill := func(list *[]config.Secret, id, of, prefix string, basic bool) {
		g, err := s.fill(list, id, of, prefix, basic, create)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: generated secret: %w", of, err))
		}
		if g.File != "" {
			all = append(all, g)
		}
	}
	fill(&c.Seal.Keys, "k1", "seal", "seal", false)
	for i := range c.Sources {
		source := &c.Sources[i]
		basic := s.basic(source.Provider)
		if len(source.Endpoints) == 0 {
			fill(&source.Secrets, "current", "source "+source.Name, source.Name+"."+delivery.DefaultEndpoint, basic)
		}
		for j := range source.Endpoints {
			endpoint := &source.Endpoints[j]
			fill(&endpoint.Secrets, "current", "source "+source.Name+", endpoint "+endpoint.Name,
				source.Name+"."+endpoint.Name, basic)
		}
	}
	return all, errors.Join(problems...)
}

// fill makes *list hold one secret where it holds none.
func (s Secrets) fill(list *[]config.Secret, id, of, prefix string, basic, create bool) (Generated, error) {
	secret := config.Secret{ID: id}
	for i, listed := range *list {
		if !listed.Missing() {
			return Generated{}, nil
		}
		if i == 0 {
			secret = listed
		}
	}
	g := Generated{Of: of, File: filepath.Join(s.Folder.Path, "secrets", prefix+"."+secret.ID)}
	value, err := s.keep(&g, basic, create)
	if err != nil || value == "" {
		return Generated{}, err
	}
	secret = secret.With(value)
	secret.From = "file " + g.File
	*list = []config.Secret{secret}
	return g, nil
}

// keep reads the secret's file or, where there is none, writes it.
func (s Secrets) keep(g *Generated, basic, create bool) (string, error) {
	text, err := os.ReadFile(g.File)
	if err == nil {
		value := strings.TrimSpace(string(text))
		if value == "" {
			return "", advise(fmt.Errorf("%s is empty", g.File), "remove the file to have a new one made")
		}
		return value, nil
	}
	if !errors.Is(err, fs.ErrNotExist) || !create {
		return "", ignore(err, fs.ErrNotExist)
	}
	source := s.Rand
	if source == nil {
		source = rand.Reader
	}
	key := make([]byte, generatedBytes)
	if _, err := io.ReadFull(source, key); err != nil {
		return "", err
	}
	// Hex is text, hex, base64 and a token at once, so it fits every key coding.
	value := hex.EncodeToString(key)
	if basic {
		value = "paybridge:" + value
	}
	if err := os.MkdirAll(filepath.Dir(g.File), 0o700); err != nil {
		return "", err
	}
	g.New = true
	return value, writeWhole(g.File, []byte(value+"\n"))
}

// basic says that the provider's secret is a user and a password. A pack that
// cannot be read is reported by who verifies with it.
func (s Secrets) basic(name string) bool {
	half, err := s.Library.Auth(name)
	return err == nil && len(half.AnyOf) > 0 && half.AnyOf[0].Kind == provider.Basic
}

// ignore is err, or nil where err is of that kind.
func ignore(err, kind error) error {
	if errors.Is(err, kind) {
		return nil
	}
	return err
}
