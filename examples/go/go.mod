module capbuf.dev/examples

go 1.24

require capbuf.dev/capbuf v0.0.0

replace capbuf.dev/capbuf => ../../go
