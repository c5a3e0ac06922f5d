"""A local stand-in for Binance spot, Binance USD-M futures, Bybit spot and Bybit linear.
README.md says how to start it and which faults it knows. Standard library only."""
