/* main.c - pgweir, the daemon. */
int
main(void)
{
	return 0;
}
