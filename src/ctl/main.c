/* main.c - pgweirctl, the operator's and auditor's tool. */
int
main(void)
{
	return 0;
}
