// SPDX-License-Identifier: Apache-2.0
/* A small, dynamically linked program: what storm executes again and again. */
int main(void)
{
	return 0;
}
