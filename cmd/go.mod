module github.com/leat-go/leat/cmd

go 1.25.0

require (
	github.com/HdrHistogram/hdrhistogram-go v1.4.0
	github.com/alexflint/go-arg v1.6.1
	github.com/clipperhouse/displaywidth v0.11.0
	github.com/golangci/plugin-module-register v0.1.2
	github.com/leat-go/leat v0.0.0
	github.com/leat-go/leat/natschan v0.0.0
	github.com/leat-go/leat/natsembed v0.0.0
	github.com/nats-io/nats.go v1.53.1
	golang.org/x/term v0.45.0
	golang.org/x/tools v0.49.0
)

require (
	github.com/alexflint/go-scalar v1.2.0 // indirect
	github.com/antithesishq/antithesis-sdk-go v0.7.2-default-no-op // indirect
	github.com/clipperhouse/uax29/v2 v2.7.0 // indirect
	github.com/google/go-tpm v0.9.8 // indirect
	github.com/klauspost/compress v1.19.2 // indirect
	github.com/minio/highwayhash v1.0.4 // indirect
	github.com/nats-io/jwt/v2 v2.8.2 // indirect
	github.com/nats-io/nats-server/v2 v2.14.5 // indirect
	github.com/nats-io/nkeys v0.4.16 // indirect
	github.com/nats-io/nuid v1.0.1 // indirect
	golang.org/x/crypto v0.55.0 // indirect
	golang.org/x/mod v0.39.0 // indirect
	golang.org/x/sync v0.22.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
	golang.org/x/time v0.15.0 // indirect
)

replace (
	github.com/leat-go/leat => ../
	github.com/leat-go/leat/natschan => ../natschan
	github.com/leat-go/leat/natsembed => ../natsembed
)
