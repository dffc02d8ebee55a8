package datastore

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// Bootstrap is the content of the files that every server shares, by name.
type Bootstrap map[string][]byte

const (
	bootstrapPrefix = "/bootstrap/"
	keyIterations   = 4096
	saltSize        = 8
)

// ErrNoBootstrap says that the datastore has none: it is new.
var ErrNoBootstrap = errors.New("no bootstrap data in the datastore")

// ErrOtherToken says that the datastore belongs to a cluster with another server token.
var ErrOtherToken = errors.New("bootstrap data already found and encrypted with different token")

// LoadBootstrap reads and decrypts the cluster's shared files with its server token.
func LoadBootstrap(ctx context.Context, client *clientv3.Client, token string) (Bootstrap, error) {
	answer, err := client.Get(ctx, bootstrapPrefix, clientv3.WithPrefix())
	if err != nil {
		return nil, err
	}
	if len(answer.Kvs) == 0 {
		return nil, ErrNoBootstrap
	}
	for _, pair := range answer.Kvs {
		if string(pair.Key) != bootstrapKey(token) {
			continue
		}
		plain, err := unseal(pair.Value, token)
		if err != nil {
			return nil, err
		}
		out := Bootstrap{}
		return out, json.Unmarshal(plain, &out)
	}
	return nil, ErrOtherToken
}

// SaveBootstrap encrypts the shared files with the token and stores them, replacing what an older token encrypted.
func SaveBootstrap(ctx context.Context, client *clientv3.Client, token, oldToken string, files Bootstrap) error {
	plain, err := json.Marshal(files)
	if err != nil {
		return err
	}
	sealed, err := seal(plain, token)
	if err != nil {
		return err
	}
	operations := []clientv3.Op{clientv3.OpPut(bootstrapKey(token), string(sealed))}
	if oldToken != "" && oldToken != token {
		operations = append(operations, clientv3.OpDelete(bootstrapKey(oldToken)))
	}
	_, err = client.Txn(ctx).Then(operations...).Commit()
	return err
}

func bootstrapKey(token string) string {
	sum := sha256.Sum256([]byte(token))
	return bootstrapPrefix + hex.EncodeToString(sum[:])[:12]
}

func seal(plain []byte, token string) ([]byte, error) {
	salt := make([]byte, saltSize)
	if _, err := rand.Read(salt); err != nil {
		return nil, err
	}
	aead, err := cipherOf(token, salt)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	return append(append(salt, nonce...), aead.Seal(nil, nonce, plain, nil)...), nil
}

func unseal(sealed []byte, token string) ([]byte, error) {
	if len(sealed) < saltSize {
		return nil, fmt.Errorf("bootstrap data is too short")
	}
	aead, err := cipherOf(token, sealed[:saltSize])
	if err != nil {
		return nil, err
	}
	rest := sealed[saltSize:]
	if len(rest) < aead.NonceSize() {
		return nil, fmt.Errorf("bootstrap data is too short")
	}
	return aead.Open(nil, rest[:aead.NonceSize()], rest[aead.NonceSize():], nil)
}

func cipherOf(token string, salt []byte) (cipher.AEAD, error) {
	key, err := pbkdf2.Key(sha256.New, token, salt, keyIterations, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
