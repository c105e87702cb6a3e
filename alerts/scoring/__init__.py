"""How well did the alerts do? Known events, scores, and what a replay came to; see docs/backtest.md."""
