// bench measures how fast Go gets messages: bench NAMESRV GROUP TOPIC COUNT
package main

func main() {}
