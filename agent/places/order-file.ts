/** Where a program that install starts for one task finds what to do. */
export const ORDER_FILE = "/etc/davit/order/order.json";
