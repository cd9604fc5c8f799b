module rmq

go 1.19
